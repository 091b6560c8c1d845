internal import GRPC
internal import WellKnown

// What transports report, as messages of grpc.channelz.v1.

extension Grpc.Channelz.V1.Server {
  init(_ report: ServerReport) {
    self.init()
    ref = .init(serverID: report.id.rawValue)
    var data = Grpc.Channelz.V1.ServerData()
    data.trace = .init(creationTimestamp: .init(microseconds: report.createdAt))
    data.callsStarted = report.calls.started
    data.callsSucceeded = report.calls.succeeded
    data.callsFailed = report.calls.failed
    data.lastCallStartedTimestamp = report.calls.lastStartedAt.map { .init(microseconds: $0) }
    self.data = data
    listenSocket = report.listeners.map { .init($0) }
  }
}

extension Grpc.Channelz.V1.Channel {
  init(_ report: ChannelReport) {
    self.init()
    ref = .init(channelID: report.id.rawValue, name: report.target)
    var data = Grpc.Channelz.V1.ChannelData()
    data.state = .init(state: .init(report.state))
    data.target = report.target
    data.trace = .init(creationTimestamp: .init(microseconds: report.createdAt))
    data.callsStarted = report.calls.started
    data.callsSucceeded = report.calls.succeeded
    data.callsFailed = report.calls.failed
    data.lastCallStartedTimestamp = report.calls.lastStartedAt.map { .init(microseconds: $0) }
    self.data = data
    socketRef = report.sockets.map { .init($0) }
  }
}

extension Grpc.Channelz.V1.ChannelConnectivityState.State {
  init(_ state: ChannelReport.State) {
    switch state {
    case .idle: self = .idle
    case .connecting: self = .connecting
    case .ready: self = .ready
    case .transientFailure: self = .transientFailure
    case .shutdown: self = .shutdown
    }
  }
}

extension Grpc.Channelz.V1.SocketRef {
  init(_ reference: SocketReference) {
    self.init(socketID: reference.id.rawValue, name: reference.name)
  }
}

extension Grpc.Channelz.V1.Socket {
  init(_ report: SocketReport) {
    self.init()
    ref = .init(socketID: report.id.rawValue, name: report.name)
    data = .init(report.traffic ?? SocketReport.Traffic(), listens: report.traffic == nil)
    local = report.localAddress.map { .init(grpcName: $0) }
    remote = report.remoteAddress.map { .init(grpcName: $0) }
    if let security = report.security {
      self.security = .init(
        model: .tls(.init(cipherSuite: .standardName(security.cipherSuite))))
      data?.option.append(.init(name: "tls_version", value: security.protocolVersion))
    }
  }
}

extension Grpc.Channelz.V1.SocketData {
  init(_ traffic: SocketReport.Traffic, listens: Bool) {
    self.init()
    streamsStarted = traffic.streamsStarted
    streamsSucceeded = traffic.streamsSucceeded
    streamsFailed = traffic.streamsFailed
    messagesSent = traffic.messagesSent
    messagesReceived = traffic.messagesReceived
    keepAlivesSent = traffic.keepalivesSent
    lastLocalStreamCreatedTimestamp = traffic.lastLocalStreamAt.map { .init(microseconds: $0) }
    lastRemoteStreamCreatedTimestamp = traffic.lastRemoteStreamAt.map { .init(microseconds: $0) }
    lastMessageSentTimestamp = traffic.lastMessageSentAt.map { .init(microseconds: $0) }
    lastMessageReceivedTimestamp = traffic.lastMessageReceivedAt.map { .init(microseconds: $0) }
    guard !listens else { return }
    localFlowControlWindow = .init(value: traffic.sendWindow)
    remoteFlowControlWindow = .init(value: traffic.receiveWindow)
    receivedGoawayError = traffic.receivedGoAway.map { .init(value: $0) }
    peerMaxConcurrentStreams = traffic.peerStreamsMax
  }
}

extension Google.Protobuf.Timestamp {
  /// Since 1970.
  init(microseconds: Int64) {
    self.init()
    let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    self.seconds = rest < 0 ? seconds - 1 : seconds
    nanos = Int32(rest < 0 ? rest + 1_000_000 : rest) * 1000
  }
}
