internal import Buffers
internal import EventLoops
internal import GRPC
internal import HTTP2

/// A channel's share of its loop: the connection that new calls use, and those that end.
///
/// ```
/// idle ──call──▶ connecting ──connected──▶ ready ──GOAWAY, end──▶ idle
///                    └──failed──▶ idle        any ──close──▶ closed
/// ```
final class ClientCore: LoopConfined, @unchecked Sendable {
  // @unchecked: all state is used on the loop only.

  private enum State {
    case idle
    case connecting(ConnectAttempt, timeout: TimerHandle)
    case ready(ClientConnection)
    case closed
  }

  let loop: EventLoop
  let configuration: ClientConfiguration
  /// As ":authority" and in errors.
  let authority: String
  private let host: String
  private let port: UInt16
  private var wheelStorage: DeadlineWheel?
  private var state = State.idle
  /// Calls that wait for the connection.
  private var waiting: [ClientCall] = []
  /// Connections that take no new calls but have open ones.
  private var draining: [ObjectIdentifier: ClientConnection] = [:]
  private var callCount = 0
  private var output = ByteWriter()

  init(host: String, port: UInt16, loop: EventLoop, configuration: ClientConfiguration) {
    self.host = host
    self.port = port
    self.loop = loop
    self.configuration = configuration
    authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  var wheel: DeadlineWheel {
    if let wheelStorage { return wheelStorage }
    let wheel = DeadlineWheel(loop: loop)
    wheelStorage = wheel
    return wheel
  }

  // MARK: Calls

  /// Starts `call` now or when there is a connection.
  func start(_ call: ClientCall) {
    guard callCount < configuration.callsMax else {
      return call.failStart(
        RPCError(.resourceExhausted, "The channel has \(callCount) calls; the limit is reached."))
    }
    switch state {
    case .closed:
      call.failStart(RPCError(.unavailable, "The channel is closed."))
    case .ready(let connection):
      callCount += 1
      call.isCounted = true
      connection.begin(call)
    case .connecting:
      callCount += 1
      call.isCounted = true
      waiting.append(call)
    case .idle:
      callCount += 1
      call.isCounted = true
      waiting.append(call)
      connect()
    }
  }

  func callEnded(_ call: ClientCall) {
    guard call.isCounted else { return }
    call.isCounted = false
    callCount -= 1
    waiting.removeAll { $0 === call }
  }

  // MARK: The connection

  private func connect() {
    let attempt = loop.connect(host: host, port: port) { [weak self] result in
      self?.connected(result)
    }
    let timeout = loop.schedule(after: configuration.connectTimeout) { [weak self] in
      attempt.cancel()
      self?.connectFailed("no answer in \(self?.configuration.connectTimeout ?? .zero)")
    }
    state = .connecting(attempt, timeout: timeout)
  }

  private func connected(_ result: Result<StreamSocket, EventLoopError>) {
    guard case .connecting(_, let timeout) = state else { return }
    timeout.cancel()
    switch result {
    case .failure(let error):
      connectFailed("\(error)")
    case .success(let socket):
      let connection = ClientConnection(self, ByteStream(socket))
      state = .ready(connection)
      connection.start()
      let calls = waiting
      waiting = []
      for call in calls { connection.begin(call) }
    }
  }

  private func connectFailed(_ reason: String) {
    if case .connecting = state { state = .idle }
    let calls = waiting
    waiting = []
    for call in calls {
      call.failStart(RPCError(.unavailable, "No connection to \(authority): \(reason)."))
    }
  }

  /// `connection` takes no new calls: the next one gets a new connection.
  func retire(_ connection: ClientConnection) {
    guard case .ready(let current) = state, current === connection else { return }
    state = .idle
    draining[ObjectIdentifier(connection)] = connection
  }

  func connectionClosed(_ connection: ClientConnection) {
    draining[ObjectIdentifier(connection)] = nil
    if case .ready(let current) = state, current === connection { state = .idle }
  }

  /// Moves what `session` has to say into one write; `false` when there was nothing.
  func write(from session: HTTP2Session, to stream: ByteStream) throws(HTTP2Error) -> Bool {
    output.removeAll(keeping: 256 << 10)
    try session.send(into: &output, upTo: configuration.writeSizeMax)
    guard !output.isEmpty else { return false }
    return stream.write(output)
  }

  func close() {
    let before = state
    state = .closed
    switch before {
    case .idle, .closed: break
    case .connecting(let attempt, let timeout):
      attempt.cancel()
      timeout.cancel()
    case .ready(let connection):
      connection.shutDown()
    }
    for connection in draining.values { connection.shutDown() }
    let calls = waiting
    waiting = []
    for call in calls { call.failStart(RPCError(.unavailable, "The channel was closed.")) }
  }
}
