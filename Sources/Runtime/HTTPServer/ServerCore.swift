internal import EventLoops

/// The server's state: its connections and the handlers at work. Confined to its loop.
///
/// libmicrohttpd's callbacks only note what has to be done; ``run()`` does it when they are over.
final class ServerCore: EndOfTickHandler, @unchecked Sendable {
  // @unchecked: but for the constants, touched only on the loop once `begin` has run there;
  // `listen` comes before it.
  let loop: EventLoop
  let configuration: WebServer.Configuration
  private let handler: WebServer.Handler

  private struct Connection {
    let borrowed: MicroConnection
    var machine = ExchangeStateMachine()
    /// When its present phase is over, whatever it is.
    var deadline: ContinuousClock.Instant
    var handler: Task<Void, Never>?
  }

  private var daemon: MicroDaemon?
  private var connections: [MicroConnection.ID: Connection] = [:]
  private var toHandle: [(MicroConnection.ID, HTTPServerRequest)] = []
  private var watch: FileWatch?
  private var wakeUp: TimerHandle?
  private var sweep: TimerHandle?
  private var willRun = false
  /// A connection has closed since the daemon's run before.
  private var hasRoomAgain = false

  private enum Phase { case serving, draining, stopped }
  private var phase: Phase = .serving
  private var waiters: [CheckedContinuation<Int, Never>] = []
  private var handlersCancelled = 0

  init(
    loop: EventLoop, configuration: WebServer.Configuration, handler: @escaping WebServer.Handler
  ) {
    self.loop = loop
    self.configuration = configuration
    self.handler = handler
  }

  deinit {
    // The loop ended without `stop`. libmicrohttpd ends the process over a suspended connection.
    for connection in connections.values where connection.machine.isHandling {
      connection.borrowed.resume()
    }
  }

  // MARK: Running

  func listen(host: String, port: UInt16) throws(HTTPServerError) -> UInt16 {
    let daemon = try MicroDaemon(
      address: ListenAddress(host: host, port: port), borrowing: self)
    let port = daemon.port
    self.daemon = consume daemon
    return port
  }

  func begin() {
    guard phase == .serving, let descriptor = daemon?.descriptor else { return }
    do {
      watch = try loop.watch(fileDescriptor: descriptor, .readable) { _ in self.run() }
    } catch {
      preconditionFailure("libmicrohttpd's epoll descriptor can't be watched: \(error)")
    }
    run()
  }

  func tickEnded() {
    willRun = false
    run()
  }

  private func runSoon() {
    guard !willRun else { return }
    willRun = true
    loop.callAtEndOfTick(self)
  }

  private func run() {
    guard phase != .stopped else { return }
    hasRoomAgain = false
    daemon?.run()
    // At its limit the daemon watches its listening socket no more, and takes it up again only at
    // the beginning of a run; nothing else would wake it for those who wait.
    if hasRoomAgain { runSoon() }
    startHandlers()
    wakeUp?.cancel()
    wakeUp = daemon?.timeout.map { timeout in loop.schedule(after: timeout) { self.run() } }
    if sweep == nil, !connections.isEmpty { scheduleSweep() }
    if phase == .draining, !connections.values.contains(where: { $0.machine.isActive }) {
      finishStop()
    }
  }

  /// The one place that makes tasks: a handler's, which begins on the loop at once.
  private func startHandlers() {
    var requests: [(MicroConnection.ID, HTTPServerRequest)] = []
    swap(&requests, &toHandle)
    for (id, request) in requests {
      let handler = handler
      let task = Task.immediate(executorPreference: loop) {
        let response = await handler(request)
        self.handlerEnded(id, response)
      }
      if connections[id]?.machine.isHandling == true { connections[id]?.handler = task }
    }
  }

  private func handlerEnded(_ id: MicroConnection.ID, _ response: HTTPServerResponse) {
    loop.preconditionIsCurrent()
    guard connections[id]?.machine.handlerEnded(response) == true else { return }
    connections[id]?.handler = nil
    connections[id]?.deadline = .now + configuration.responseTimeout
    connections[id]?.borrowed.resume()
    runSoon()
  }

  // MARK: From libmicrohttpd's callbacks

  func connectionOpened(_ connection: MicroConnection) {
    connections[connection.id] = Connection(
      borrowed: connection, deadline: .now + configuration.headTimeout)
  }

  func connectionClosed(_ connection: MicroConnection) {
    hasRoomAgain = true
    connections.removeValue(forKey: connection.id)?.handler?.cancel()
  }

  func requestBegun(_ connection: MicroConnection, target: String) {
    connections[connection.id]?.machine.begun(target: target)
  }

  /// Whether the connection goes on.
  func requestContinued(
    _ connection: MicroConnection, method: String, piece: [UInt8]
  ) -> Bool {
    let id = connection.id
    guard let machine = connections[id]?.machine else { return false }
    let action: ExchangeStateMachine.Action?
    if machine.awaitsHead {
      let head = HTTPServerRequest(
        method: method, target: "", headers: connection.headers,
        peerAddress: connection.peerAddress)
      connections[id]?.deadline = .now + configuration.requestTimeout
      action = connections[id]?.machine.headCame(head, limits: configuration)
    } else if !piece.isEmpty {
      action = connections[id]?.machine.bodyCame(piece, limits: configuration)
    } else {
      action = connections[id]?.machine.continued()
    }
    return perform(action ?? .close, on: connection)
  }

  private func perform(
    _ action: ExchangeStateMachine.Action, on connection: MicroConnection
  ) -> Bool {
    switch action {
    case .readOn: return true
    case .handle(let request):
      connection.suspend()
      connections[connection.id]?.deadline = .now + configuration.handlerTimeout
      toHandle.append((connection.id, request))
      return true
    case .answer(let response):
      return connection.queue(response, closes: phase != .serving)
    case .close: return false
    }
  }

  func requestCompleted(_ connection: MicroConnection) {
    connections[connection.id]?.machine.completed()
    connections[connection.id]?.deadline = .now + configuration.headTimeout
  }

  // MARK: Deadlines

  /// Deadlines are looked at this often, or twice in the shortest of them.
  private static let sweepIntervalMax: Duration = .milliseconds(500)

  private func scheduleSweep() {
    let shortest = min(
      configuration.headTimeout, configuration.requestTimeout, configuration.handlerTimeout,
      configuration.responseTimeout)
    let interval = min(Self.sweepIntervalMax, shortest / 2)
    sweep = loop.schedule(after: interval) {
      self.sweep = nil
      self.endExpired()
      self.run()
    }
  }

  private func endExpired() {
    let now = ContinuousClock.now
    for (id, connection) in connections where connection.deadline <= now {
      switch connection.machine.expired() {
      case .cutConnection: connection.borrowed.cut()
      case .abandonHandler:
        connection.handler?.cancel()
        handlerEnded(id, HTTPServerResponse(status: 503))
      }
    }
  }

  // MARK: Stopping

  func stop(gracePeriod: Duration, _ continuation: CheckedContinuation<Int, Never>) {
    guard phase != .stopped else { return continuation.resume(returning: handlersCancelled) }
    waiters.append(continuation)
    guard phase == .serving else { return }
    phase = .draining
    daemon?.stopListening()
    loop.schedule(after: gracePeriod) { self.graceEnded() }
    run()
  }

  private func graceEnded() {
    guard phase == .draining else { return }
    for (id, connection) in connections where connection.machine.isHandling {
      handlersCancelled += 1
      connection.handler?.cancel()
      handlerEnded(id, .dropConnection)
    }
    daemon?.run()
    finishStop()
  }

  private func finishStop() {
    phase = .stopped
    watch?.close()
    watch = nil
    wakeUp?.cancel()
    sweep?.cancel()
    daemon = nil
    for waiter in waiters { waiter.resume(returning: handlersCancelled) }
    waiters.removeAll()
  }
}
