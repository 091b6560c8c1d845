internal import Synchronization

/// Where a process's metrics come together when somebody asks. Callable from any executor.
///
/// It holds no values: each source gathers its own, from the loops where they are counted, so that
/// counting needs no lock.
package final class MetricRegistry: Sendable {
  /// Gathers what one part of the process has counted.
  package typealias Source = @Sendable () async -> MetricSnapshot

  private let sources = Mutex<[Source]>([])

  package init() {}

  /// Asks `source` too at every scrape from now on, after those that were added before.
  package func add(_ source: @escaping Source) {
    sources.withLock { $0.append(source) }
  }

  /// Adds a gauge that is read at every scrape.
  package func addGauge(
    _ descriptor: MetricDescriptor, _ labels: [MetricSnapshot.Label] = [],
    _ value: @escaping @Sendable () -> Double?
  ) {
    add {
      var snapshot = MetricSnapshot()
      if let value = value() { snapshot.add(descriptor, labels, .gauge(value)) }
      return snapshot
    }
  }

  /// All metrics as they are now.
  package func scrape() async -> MetricSnapshot {
    let sources = sources.withLock { $0 }
    var snapshot = MetricSnapshot()
    for source in sources { snapshot.merge(await source()) }
    return snapshot
  }
}
