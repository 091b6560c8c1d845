internal import Telemetry

/// One loop's share of the metrics of ``MemoryBudget``.
struct MemoryMetrics {
  /// What was ended or refused.
  enum Shed: String, CaseIterable {
    /// A request that was not whole, or waited for its handler.
    case request
    /// A response that the client did not take.
    case response
    /// A new call on a connection that holds much.
    case refused
  }

  private var counts: [Shed: UInt64] = [:]

  var shedCount: UInt64 { counts.values.reduce(0, &+) }

  mutating func noteShed(_ shed: Shed) { counts[shed, default: 0] &+= 1 }

  func add(to snapshot: inout MetricSnapshot, held: Int) {
    snapshot.add(Self.held, [], .gauge(Double(held)))
    snapshot.add(Self.shed)
    for shed in Shed.allCases {
      snapshot.add(
        Self.shed, [.init("reason", shed.rawValue)], .counter(Double(counts[shed] ?? 0)))
    }
  }

  /// Once for all loops.
  static func add(limit: Int, to snapshot: inout MetricSnapshot) {
    snapshot.add(Self.limit, [], .gauge(Double(limit)))
  }

  private static let held = MetricDescriptor(
    "trunkline.server.buffered", .gauge, unit: .bytes,
    "Unfinished requests and unsent responses that are held in memory.")
  private static let limit = MetricDescriptor(
    "trunkline.server.buffered.limit", .gauge, unit: .bytes, "The most of them: max-buffered-bytes."
  )
  private static let shed = MetricDescriptor(
    "trunkline.server.calls.shed", .counter,
    "Calls that were ended or refused since too much was held, by reason.")
}
