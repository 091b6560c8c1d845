internal import Buffers
internal import Compression
internal import EventLoops
internal import GRPC
internal import HTTP2

/// A server's share of one loop: its listeners, connections and handlers. Used on that loop only.
final class ServerLoop: @unchecked Sendable {
  // @unchecked: GRPCServer hands it to `loop`, where all of it is used.

  let loop: EventLoop
  let table: PathTable
  let configuration: ServerConfiguration
  let wheel: DeadlineWheel
  let observer: LoopObserver
  /// For the messages of all calls, which are compressed whole, one after another.
  let compressor: Compressor
  private var listeners: [StreamListener] = []
  private(set) var connections: [ObjectIdentifier: ServerConnection] = [:]
  private(set) var handlerCount = 0
  /// What one connection has to say, gathered for one write.
  private var output = ByteWriter()
  private var isDraining = false
  private var idleWaiters: [() -> Void] = []

  init(
    loop: EventLoop, table: PathTable, configuration: ServerConfiguration,
    observation: ServerObservation
  ) {
    self.loop = loop
    self.table = table
    self.configuration = configuration
    wheel = DeadlineWheel(loop: loop)
    compressor = Compressor(level: configuration.compressionLevel)
    observer = LoopObserver(observation, table: table)
  }

  /// Accepts connections at `address`; gives the address with its port.
  func listen(at address: SocketAddress) throws(EventLoopError) -> SocketAddress {
    let listener = try loop.listen(at: address) { self.accept($0) }
    listeners.append(listener)
    observer.listeners.append(LoopObserver.Listener(address: listener.address))
    return listener.address
  }

  private func accept(_ socket: StreamSocket) {
    observer.connections.acceptedCount &+= 1
    let connection = ServerConnection(self, ByteStream(socket))
    connections[ObjectIdentifier(connection)] = connection
    connection.start()
    if isDraining { connection.beginGracefulShutdown() }
  }

  /// Moves what `session` has to say into one write; `false` when there was nothing.
  func write(
    from session: HTTP2Session, to stream: ByteStream, upTo bound: Int
  ) throws(HTTP2Error) -> Bool {
    output.removeAll(keeping: 256 << 10)
    try session.send(into: &output, upTo: bound)
    guard !output.isEmpty else { return false }
    return stream.write(output)
  }

  // MARK: What lives

  func connectionClosed(_ connection: ServerConnection) {
    connections[ObjectIdentifier(connection)] = nil
    observer.connections.closedCount &+= 1
    tellIfIdle()
  }

  func handlerStarted() { handlerCount += 1 }

  func handlerEnded() {
    handlerCount -= 1
    if isDraining { tellIfIdle() }
  }

  private func tellIfIdle() {
    guard isDraining, connections.isEmpty, handlerCount == 0 else { return }
    let waiters = idleWaiters
    idleWaiters = []
    for waiter in waiters { waiter() }
  }

  // MARK: The end

  func beginGracefulShutdown() {
    guard !isDraining else { return }
    isDraining = true
    for listener in listeners { listener.close() }
    listeners = []
    observer.listeners = []
    for connection in connections.values { connection.beginGracefulShutdown() }
  }

  /// Ends what is still open.
  func abort() {
    for connection in connections.values { connection.abort() }
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
