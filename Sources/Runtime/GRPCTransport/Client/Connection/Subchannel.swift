internal import EventLoops

/// One address of a channel, and its connections: one, and more when the configuration lets calls
/// without room have them. It lives on the channel's loop.
final class Subchannel {
  let id: SubchannelID
  let address: SocketAddress
  /// The address as text; what tells addresses apart.
  let name: String
  /// The connection that takes calls.
  private(set) var connection: ClientConnection?
  /// Those beside it.
  private lazy var further = FurtherConnections(self, core)
  private let core: ClientCore
  private var machine: SubchannelStateMachine
  private var attempt: ConnectAttempt?
  /// A connection whose server has not sent its SETTINGS yet.
  private var handshake: ClientConnection?
  /// Of the attempt, or of the back-off.
  private var timer: TimerHandle?

  init(_ id: SubchannelID, _ address: SocketAddress, _ name: String, _ core: ClientCore) {
    self.id = id
    self.address = address
    self.name = name
    self.core = core
    machine = SubchannelStateMachine(
      backOff: core.configuration.backOff, connectTimeoutMin: core.configuration.connectTimeout)
  }

  // MARK: Up

  /// Connects, unless it is connected, connecting or in its back-off.
  func connect() {
    let chance = Double.random(in: -1...1)
    guard case .connect(let timeout) = machine.connectRequested(now: .now, chance: chance) else {
      return
    }
    timer = core.loop.schedule(after: timeout) { [weak self] in
      self?.failed("no answer in \(timeout)")
    }
    attempt = core.loop.connect(to: address) { [weak self] in self?.connected($0) }
    core.subchannelChanged(self, machine.state)
  }

  private func connected(_ result: Result<StreamSocket, EventLoopError>) {
    attempt = nil
    switch result {
    case .failure(let error):
      failed("\(error)")
    case .success(let socket):
      let connection = makeConnection(socket)
      handshake = connection
      connection.start()
    }
  }

  func makeConnection(_ socket: StreamSocket) -> ClientConnection {
    ClientConnection(core, self, core.makeStream(over: socket))
  }

  /// The server's SETTINGS came.
  func connectionReady(_ ready: ClientConnection) {
    if further.connectionReady(ready) { return }
    guard handshake === ready, machine.connected() else { return }
    timer?.cancel()
    timer = nil
    handshake = nil
    connection = ready
    core.subchannelChanged(self, machine.state)
  }

  // MARK: Down

  /// `ended` is gone, or its server takes no more calls on it.
  func connectionEnded(_ ended: ClientConnection, _ reason: String) {
    if handshake === ended { return failed(reason) }
    if further.connectionEnded(ended) { return }
    guard connection === ended else { return }
    connection = further.takeFirst()
    guard connection == nil else { return }
    act(on: machine.connectionEnded(now: .now), reason)
  }

  private func failed(_ reason: String) {
    timer?.cancel()
    timer = nil
    attempt?.cancel()
    attempt = nil
    let connection = handshake
    handshake = nil
    connection?.shutDown()
    act(on: machine.connectFailed(now: .now), reason)
  }

  private func act(on action: SubchannelStateMachine.EndAction, _ reason: String) {
    switch action {
    case .none:
      return
    case .becomeIdle:
      break
    case .backOff(let delay):
      core.noteFailure("\(reason) (\(name))")
      timer = core.loop.schedule(after: delay) { [weak self] in self?.backOffPassed() }
    }
    core.subchannelChanged(self, machine.state)
  }

  private func backOffPassed() {
    timer = nil
    if machine.backOffPassed() { core.subchannelChanged(self, machine.state) }
  }

  /// The address is used no more. Calls on the connection may end there, unless `isAbrupt`.
  func shutDown(isAbrupt: Bool) {
    machine.shutDown()
    timer?.cancel()
    timer = nil
    attempt?.cancel()
    attempt = nil
    let connections = [handshake, connection]
    handshake = nil
    connection = nil
    further.shutDown(isAbrupt: isAbrupt)
    for connection in connections {
      if isAbrupt { connection?.shutDown() } else { connection?.retire() }
    }
  }

  /// Ends the connections; the address is kept.
  func disconnect() {
    further.shutDown(isAbrupt: false)
    connection?.retire()
  }

  // MARK: Room

  /// A connection on which the server takes one more stream.
  var connectionWithRoom: ClientConnection? {
    if let connection, connection.hasRoom { return connection }
    return further.ready.first { $0.hasRoom }
  }

  /// Calls wait for room: makes one more connection, if there may be one.
  func scaleUp() { if connection != nil { further.want() } }
}
