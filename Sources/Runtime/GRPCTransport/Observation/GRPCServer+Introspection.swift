internal import EventLoops
package import GRPC

/// Each question visits the loops in turn. Callable from any executor, until the loops are stopped.
extension GRPCServer: IntrospectableServer {
  package func report() async -> ServerReport {
    var calls = CallCounts()
    var listeners: [SocketReference] = []
    for loop in loops {
      let (part, sockets) = await loop.onLoop { ($0.callCounts, $0.listenerReferences) }
      calls.merge(part)
      listeners += sockets
    }
    return ServerReport(
      id: id, createdAt: createdAt, calls: calls, listeners: listeners.sorted { $0.id < $1.id })
  }

  package func sockets(from first: EntityID, atMost count: Int) async -> [SocketReference] {
    var all: [SocketReference] = []
    for loop in loops {
      all += await loop.onLoop { $0.connectionReferences(from: first, atMost: count) }
    }
    return Array(all.sorted { $0.id < $1.id }.prefix(count))
  }

  package func socket(_ id: EntityID) async -> SocketReport? {
    for loop in loops {
      if let report = await loop.onLoop({ $0.socketReport(id) }) { return report }
    }
    return nil
  }
}

extension ServerLoop {
  fileprivate var callCounts: CallCounts {
    let totals = observer.calls.totals
    var counts = CallCounts()
    counts.started = Int64(clamping: totals.started)
    counts.succeeded = Int64(clamping: totals.succeeded)
    counts.failed = Int64(clamping: totals.failed)
    counts.lastStartedAt = ReportClock().wallTime(of: observer.calls.lastStartedAt)
    return counts
  }

  fileprivate var listenerReferences: [SocketReference] {
    observer.listeners.map { SocketReference(id: $0.id, name: $0.address.description) }
  }

  /// Those with the lowest ids.
  fileprivate func connectionReferences(
    from first: EntityID, atMost count: Int
  ) -> [SocketReference] {
    let found = connections.values.filter { $0.id >= first }.sorted { $0.id < $1.id }
    return found.prefix(count).map(\.reference)
  }

  fileprivate func socketReport(_ id: EntityID) -> SocketReport? {
    if let connection = connections.values.first(where: { $0.id == id }) {
      return connection.report()
    }
    guard let listener = observer.listeners.first(where: { $0.id == id }) else { return nil }
    var report = SocketReport(id: id, name: listener.address.description)
    report.localAddress = listener.address.description
    return report
  }
}
