internal import EventLoops
package import GRPC
internal import HTTP2
package import Telemetry

extension GRPCChannel: IntrospectableChannel {
  /// Everything that the channel has counted (gRFC A66). Callable from any executor, until its loop
  /// is stopped.
  package func metrics() async -> MetricSnapshot {
    await core.onLoop { $0.metrics.snapshot(target: $0.target.description) }
  }

  package func report() async -> ChannelReport {
    let (id, createdAt) = (id, createdAt)
    return await core.onLoop { core in
      ChannelReport(
        id: id, target: core.target.description, createdAt: createdAt,
        state: ChannelReport.State(core.state), calls: core.metrics.counts,
        sockets: core.connections.map(\.reference).sorted { $0.id < $1.id })
    }
  }

  package func socket(_ id: EntityID) async -> SocketReport? {
    await core.onLoop { core in core.connections.first { $0.id == id }?.report() }
  }
}

extension ChannelReport.State {
  init(_ state: ConnectivityState) {
    switch state {
    case .idle: self = .idle
    case .connecting: self = .connecting
    case .ready: self = .ready
    case .transientFailure: self = .transientFailure
    case .shutdown: self = .shutdown
    }
  }
}

extension ClientCore {
  /// Those that take calls, and those that only have open ones.
  fileprivate var connections: [ClientConnection] {
    subchannels.compactMap(\.connection) + draining.values
  }
}

extension ClientConnection {
  var reference: SocketReference {
    SocketReference(id: id, name: stream.peerAddress?.description ?? "unknown")
  }

  func report() -> SocketReport {
    var all = traffic
    session.forEachStream { stream in
      if let attempt = (stream.handler as? ClientCall)?.record?.attempt {
        all.noteMessages(attempt)
      }
    }
    var report = SocketReport(id: id, name: reference.name)
    report.localAddress = stream.localAddress?.description
    report.remoteAddress = stream.peerAddress?.description
    report.security = stream.security.map { SocketReport.Security($0) }
    report.traffic = SocketReport.Traffic(all, session)
    return report
  }
}
