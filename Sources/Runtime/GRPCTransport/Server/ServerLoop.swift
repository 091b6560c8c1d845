internal import Buffers
internal import Compression
internal import EventLoops
internal import GRPC
internal import HTTP2
internal import Synchronization
internal import TLS
internal import Telemetry

/// A server's share of one loop: its listeners, connections and handlers. Used on that loop only.
final class ServerLoop: @unchecked Sendable {
  // @unchecked: GRPCServer hands it to `loop`, where all of it is used.

  let loop: EventLoop
  let table: PathTable
  let configuration: ServerConfiguration
  /// Deadlines of calls.
  let wheel: DeadlineWheel
  /// Timers of connections, which are long.
  let connectionWheel: DeadlineWheel
  let observer: LoopObserver
  /// For the messages of all calls, which are compressed whole, one after another.
  let compressor: Compressor
  /// What this loop's connections hold, of what all may.
  var memory: LoopMemory
  /// Whether calls are being ended to free memory.
  var isRelieving = false
  /// Before this time there is nothing to free.
  var nextRelief = Duration.zero
  private let isAsked = Atomic(false)
  /// Run the unary calls' handlers.
  let workers: CallWorkers
  private let admission: ConnectionAdmission
  let logger: Logger
  private var listeners: [StreamListener] = []
  private(set) var connections: [ObjectIdentifier: ServerConnection] = [:]
  private(set) var handlerCount = 0
  /// The loop's share of ``ServerConfiguration/handlersMax``.
  private let handlersMax: Int
  let writer = SessionWriter()
  private lazy var tlsBuffers = TLSBuffers()
  /// For the sessions of the loop's connections; made on the loop.
  private(set) lazy var sessionMemory = SessionMemory()
  private var phase = Phase.serving
  private var idleWaiters: [() -> Void] = []
  private var refusalLines = LineBudget(burst: 5, perSecond: 1)
  var shedLines = LineBudget(burst: 5, perSecond: 1)
  private var closeLines = LineBudget(burst: 50, perSecond: 10)

  private enum Phase {
    case serving
    /// Listeners take those only whose handshake has begun.
    case refusing
    /// There are no listeners any more.
    case draining
  }

  init(
    loop: EventLoop, table: PathTable, configuration: ServerConfiguration,
    observation: ServerObservation, admission: ConnectionAdmission, budget: MemoryBudget,
    loopCount: Int
  ) {
    self.loop = loop
    self.table = table
    self.configuration = configuration
    self.admission = admission
    logger = observation.logger
    handlersMax = max(1, (configuration.handlersMax + loopCount - 1) / loopCount)
    wheel = DeadlineWheel(loop: loop)
    connectionWheel = DeadlineWheel(loop: loop, tickMilliseconds: 16)
    workers = CallWorkers(executor: loop) { context, work in
      await loop.doAside(of: context.peer) { if context.cancellationCause == nil { work() } }
    }
    observer = LoopObserver(observation, table: table, loopCount: loopCount)
    compressor = Compressor(level: configuration.compressionLevel)
    memory = LoopMemory(budget)
    budget.register { [weak self] in
      // Asked again before it has come to it: once is enough.
      guard let self, !self.isAsked.exchange(true, ordering: .relaxed) else { return }
      self.loop.execute {
        self.isAsked.store(false, ordering: .relaxed)
        self.relieve()
      }
    }
  }

  /// The time of this tick, as connections count it.
  var now: Duration { .nanoseconds(Int64(clamping: loop.tickNanoseconds)) }

  /// Which part of a tenth is added to a connection's age.
  func jitter() -> Double {
    configuration.connection.ageMax == nil ? 0 : .random(in: -1...1)
  }

  // MARK: Connections

  /// Accepts connections of `socket`, over TLS if `tls` is given.
  func listen(on socket: ListeningSocket, tls: TLSContextSource?) throws(EventLoopError) {
    let listener = try loop.listen(on: socket) { self.accept($0, tls) }
    listeners.append(listener)
    observer.listeners.append(LoopObserver.Listener(address: listener.address))
  }

  private func accept(_ socket: StreamSocket, _ tls: TLSContextSource?) {
    let address = socket.peerAddress
    if let refusal = admission.came(address?.network) {
      observer.connections.noteRefused(refusal.name)
      logRefusal(refusal, address)
      return socket.close()
    }
    observer.connections.acceptedCount &+= 1
    let session = tls.map { TLSSession(server: $0.current, buffers: tlsBuffers) }
    let connection = ServerConnection(self, ByteStream(socket, tls: session), address)
    connections[ObjectIdentifier(connection)] = connection
    connection.start()
  }

  private func logRefusal(_ refusal: ConnectionAdmission.Refusal, _ address: SocketAddress?) {
    guard let suppressed = refusalLines.take(now: loop.tickNanoseconds) else { return }
    logger.warning(
      "connection refused",
      [
        "peer": .text(address?.description ?? "unknown"), "reason": LogValue(refusal),
        "suppressed": .integer(suppressed),
      ])
  }

  func connectionClosed(_ connection: ServerConnection, _ reason: CloseReason) {
    connections[ObjectIdentifier(connection)] = nil
    admission.left(connection.network)
    observer.connections.noteClosed(reason.name)
    log(reason, of: connection)
    tellIfIdle()
  }

  private func log(_ reason: CloseReason, of connection: ServerConnection) {
    let level = reason.isAbnormal ? LogLevel.warning : .debug
    guard level >= logger.level, let suppressed = closeLines.take(now: loop.tickNanoseconds)
    else { return }
    logger.log(
      level, "connection closed",
      [
        "peer": .text(connection.peer), "cause": .text(reason.name), "reason": LogValue(reason),
        "suppressed": .integer(suppressed),
      ])
  }

  // MARK: Handlers

  /// Whether one more handler may start.
  func admitHandler() -> Bool {
    guard handlerCount < handlersMax else { return false }
    handlerCount += 1
    return true
  }

  func handlerEnded() {
    handlerCount -= 1
    if phase != .serving { tellIfIdle() }
  }

  // MARK: The end

  private func tellIfIdle() {
    guard phase == .draining, connections.isEmpty, handlerCount == 0 else { return }
    let waiters = idleWaiters
    idleWaiters = []
    for waiter in waiters { waiter() }
  }

  /// Ends listening so that nobody is reset, then asks every client to go.
  ///
  /// A client that is asked to go connects again at once, so no listener may be left by then, of
  /// the other loops neither: they have a moment for that.
  func beginGracefulShutdown() {
    guard phase == .serving else { return }
    phase = .refusing
    for listener in listeners { listener.refuseNew() }
    let wait = listeners.isEmpty ? Duration.zero : configuration.listenerDrain
    loop.schedule(after: wait) {
      for listener in self.listeners { listener.acceptRestAndClose() }
      self.listeners = []
      self.observer.listeners = []
      self.loop.schedule(after: min(wait, Self.otherLoopsWait)) { self.askAllToGo() }
    }
  }

  private static let otherLoopsWait = Duration.milliseconds(10)

  private func askAllToGo() {
    phase = .draining
    for connection in connections.values { connection.beginGracefulShutdown() }
    tellIfIdle()
  }

  /// Ends what is still open. Gives the methods of handlers that run.
  func abort() -> [String] {
    for listener in listeners { listener.close() }
    listeners = []
    observer.listeners = []
    phase = .draining
    let methods = connections.values.flatMap(\.runningMethods)
    for connection in connections.values { connection.cutOff(.cutOff(.shutdown)) }
    return methods
  }

  /// Closes what ``abort()`` left. Gives how many handlers ignored that they were cancelled; what
  /// they do after the loop's stop has no effect.
  func abandon() -> Int {
    for connection in connections.values { connection.closeNow() }
    workers.stop()
    if handlerCount > 0 { loop.abandonLateWork() }
    return handlerCount
  }

  /// Calls `body` once no connection and no handler is left, or after `bound`.
  func whenIdle(within bound: Duration, _ body: @escaping () -> Void) {
    var body: (() -> Void)? = body
    let timer = loop.schedule(after: bound) {
      body?()
      body = nil
    }
    idleWaiters.append {
      timer.cancel()
      body?()
      body = nil
    }
    tellIfIdle()
  }
}
