internal import Registry
internal import Telemetry

/// What the sweeps of this process came to, for a scrape.
enum DriftMetrics {
  private static let sweeps = MetricDescriptor(
    "trunkline.registry.sweeps", .counter,
    "Looks at all numbers of a provider, by how they ended.")
  private static let compared = MetricDescriptor(
    "trunkline.registry.sweep.numbers", .counter,
    "Numbers that sweeps compared with the carrier.")
  private static let findings = MetricDescriptor(
    "trunkline.registry.sweep.findings", .counter,
    "What sweeps found changed at the carrier, by reason; what stays counts each time.")
  private static let changes = MetricDescriptor(
    "trunkline.registry.sweep.changes", .counter,
    "Numbers whose conditions a sweep changed: marked, or healed.")

  static func snapshot(_ counts: DriftSweep.Counts) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    snapshot.add(sweeps, [.init("outcome", "done")], .counter(Double(counts.doneCount)))
    for (why, count) in counts.failureCounts.sorted(by: { $0.key < $1.key }) {
      snapshot.add(sweeps, [.init("outcome", why)], .counter(Double(count)))
    }
    snapshot.add(compared, [], .counter(Double(counts.comparedCount)))
    snapshot.add(findings)
    for (reason, count) in counts.findingCounts.sorted(by: { $0.key < $1.key }) {
      snapshot.add(findings, [.init("reason", reason)], .counter(Double(count)))
    }
    for (change, count) in [("marked", counts.markedCount), ("healed", counts.healedCount)] {
      snapshot.add(changes, [.init("change", change)], .counter(Double(count)))
    }
    return snapshot
  }
}
