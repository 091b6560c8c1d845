internal import Buffers
internal import Compression
internal import EventLoops
internal import GRPC
internal import HTTP2
internal import TLS

/// A channel's share of its loop: its calls, and the connections that take them. Used there only.
final class ClientCore: LoopConfined, @unchecked Sendable {
  // @unchecked: all state is used on the loop only.

  let loop: EventLoop
  let configuration: ClientConfiguration
  let target: ChannelTarget
  /// As ":authority" and in errors.
  let authority: String
  let metrics = ClientMetrics()
  private var wheelStorage: DeadlineWheel?
  let writer = SessionWriter()
  private var compressorStorage: Compressor?
  private lazy var tlsBuffers = TLSBuffers()

  // MARK: Calls

  private var queue = CallQueue()
  private var callCount = 0
  /// Calls between two attempts.
  private var backingOff: [ObjectIdentifier: ClientCall] = [:]
  private var throttle: RetryThrottle?
  private var isClosed = false

  // MARK: Connections (ClientCore+Connections.swift)

  var balancer: LoadBalancer
  var resolver: ResolverStateMachine
  var resolverTimer: TimerHandle?
  var subchannels: [Subchannel] = []
  var subchannelCount = 0
  /// Connections that take no new calls but have open ones.
  var draining: [ObjectIdentifier: ClientConnection] = [:]
  /// Whether the channel has left idleness.
  var isActive = false
  /// Whether a first lookup is on its way.
  var lacksAddresses = false
  var picker = Picker.wait
  /// Those of ``picker``.
  var ready: [Subchannel] = []
  private var nextReady = 0
  /// What failed last, for people.
  var lastFailure: String?
  var state = ConnectivityState.idle
  var stateWatchers: [Int: (ConnectivityState) -> Void] = [:]
  var stateWatcherCount = 0
  var idleTimer: TimerHandle?
  /// Whether a call began since the idle timer was set.
  var hadCall = false
  /// Longer than the configured one after a server has complained.
  var keepaliveTime: Duration?

  init(target: ChannelTarget, loop: EventLoop, configuration: ClientConfiguration) {
    self.target = target
    self.loop = loop
    self.configuration = configuration
    authority = configuration.authority ?? target.authority
    balancer = LoadBalancer(configuration.loadBalancing)
    resolver = ResolverStateMachine(
      intervalMin: configuration.resolutionIntervalMin, backOff: configuration.backOff)
    throttle = configuration.serviceConfig.retryThrottling.map { RetryThrottle($0) }
  }

  var wheel: DeadlineWheel {
    if let wheelStorage { return wheelStorage }
    let wheel = DeadlineWheel(loop: loop)
    wheelStorage = wheel
    return wheel
  }

  /// For the messages of all calls, which are compressed whole, one after another.
  var compressor: Compressor {
    if let compressorStorage { return compressorStorage }
    let compressor = Compressor(level: configuration.compressionLevel)
    compressorStorage = compressor
    return compressor
  }

  /// Takes a new call, and starts it now or when there is a connection with room.
  func start(_ call: ClientCall) {
    guard !isClosed else { return call.fail(.channelClosed) }
    guard callCount < configuration.callsMax else {
      return call.fail(
        RPCError(.resourceExhausted, "The channel has \(callCount) calls; the limit is reached."))
    }
    callCount += 1
    call.isCounted = true
    hadCall = true
    startAttempt(of: call)
  }

  /// Starts an attempt of a call that the channel has taken.
  func startAttempt(of call: ClientCall) {
    guard !isClosed else { return call.fail(.channelClosed) }
    // Not before others that wait.
    while queue.isEmpty, let connection = pick() {
      if connection.begin(call) { return }
      connection.retire()
    }
    queue.append(call)
    connectIfIdle()
    scaleUp()
    if picker == .fail { failWaitingCalls() }
  }

  func callEnded(_ call: ClientCall) {
    queue.remove(call)
    guard call.isCounted else { return }
    call.isCounted = false
    callCount -= 1
  }

  /// A ready connection with room, the next one in turn.
  private func pick() -> ClientConnection? {
    for _ in ready.indices {
      let subchannel = ready[nextReady]
      nextReady = nextReady + 1 == ready.count ? 0 : nextReady + 1
      if let connection = subchannel.connectionWithRoom { return connection }
    }
    return nil
  }

  var hasWaitingCalls: Bool { !queue.isEmpty }

  var hasCalls: Bool { callCount > 0 }

  /// Starts calls that wait, in their order, while there is room.
  func startWaitingCalls() {
    while !queue.isEmpty, let connection = pick() {
      guard let call = queue.first else { return }
      queue.remove(call)
      guard !connection.begin(call) else { continue }
      queue.prepend(call)
      connection.retire()
    }
    scaleUp()
  }

  /// Calls that wait though there are connections get one more, where there may be one.
  private func scaleUp() {
    guard configuration.connectionsPerAddressMax > 1, !queue.isEmpty else { return }
    for subchannel in ready { subchannel.scaleUp() }
  }

  /// There is no connection and none is near: calls that don't wait for one fail.
  func failWaitingCalls() {
    for call in queue.removeAll(where: { !$0.waitsForReady }) { call.noConnection() }
  }

  /// The picker has changed.
  func pickerChanged() { nextReady = 0 }

  /// Why there is no connection.
  var connectionError: RPCError {
    let reason = lastFailure.map { ": \($0)" } ?? ""
    return RPCError(.unavailable, "No connection to \(authority)\(reason).")
  }

  /// Puts TLS over `socket`, if the channel speaks it.
  func makeStream(over socket: StreamSocket) -> ByteStream {
    guard let tls = configuration.tls else { return ByteStream(socket) }
    let host = SocketAddress.split(authority)?.host ?? authority
    return ByteStream(socket, tls: TLSSession(client: tls, host: host, buffers: tlsBuffers))
  }

  // MARK: Retries

  var mayRetry: Bool { throttle?.mayRetry ?? true }

  func attemptFailed() { throttle?.attemptFailed() }

  func callSucceeded() { throttle?.attemptSucceeded() }

  /// `call` has its next attempt later.
  func callBacksOff(_ call: ClientCall) { backingOff[ObjectIdentifier(call)] = call }

  func callLeavesBackOff(_ call: ClientCall) { backingOff[ObjectIdentifier(call)] = nil }

  // MARK: The end

  func close() {
    guard !isClosed else { return }
    isClosed = true
    disconnect(isAbrupt: true)
    for connection in draining.values { connection.shutDown() }
    for call in queue.removeAll(where: { _ in true }) { call.fail(.channelClosed) }
    for call in backingOff.values { call.fail(.channelClosed) }
    backingOff = [:]
    change(to: .shutdown)
    stateWatchers = [:]
  }
}

extension RPCError {
  static let channelClosed = RPCError(.unavailable, "The channel is closed.")
}
