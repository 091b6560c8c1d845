internal import EventLoops
package import Telemetry

extension GRPCServer {
  /// Everything that the server's loops have counted, added up. It visits each loop in turn.
  ///
  /// Callable from any executor, until the loops are stopped.
  package func metrics() async -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    for loop in loops {
      let asked = MonotonicTime.nanoseconds()
      snapshot.merge(
        await loop.onLoop { loop in
          loop.metrics(lag: MonotonicTime.nanoseconds() &- asked)
        })
    }
    MemoryMetrics.add(limit: budget.limit, to: &snapshot)
    return snapshot
  }
}

extension ServerLoop: LoopConfined {
  /// What this loop has counted; `lag` is how long it was until it could say so, in nanoseconds.
  fileprivate func metrics(lag: UInt64) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    observer.calls.add(to: &snapshot)
    observer.connections.add(to: &snapshot, handlerCount: handlerCount)
    observer.memory.add(to: &snapshot, held: memory.held)
    snapshot.add(Self.lag, [.init("loop", loop.name)], .gauge(Double(lag) / 1e9))
    return snapshot
  }

  private static let lag = MetricDescriptor(
    "trunkline.event_loop.lag", .gauge, unit: .seconds,
    "How long the loop took until it ran what this scrape asked of it.")
}
