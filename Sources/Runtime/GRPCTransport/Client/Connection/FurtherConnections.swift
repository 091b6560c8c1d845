internal import EventLoops

/// The connections to one address beside its first: made when the server takes no more streams on
/// those that are there (gRFC A105). It lives on the channel's loop.
///
/// At most one is on its way at a time. One that fails is tried again after a back-off, when calls
/// still wait; the first connection, and so the subchannel's state, has nothing to do with that.
final class FurtherConnections {
  /// Those that take calls, the oldest first.
  private(set) var ready: [ClientConnection] = []
  private unowned let subchannel: Subchannel
  private let core: ClientCore
  private var machine: SubchannelStateMachine
  private var attempt: ConnectAttempt?
  /// A connection whose server has not sent its SETTINGS yet.
  private var handshake: ClientConnection?
  /// Of the attempt, or of the back-off.
  private var timer: TimerHandle?

  init(_ subchannel: Subchannel, _ core: ClientCore) {
    self.subchannel = subchannel
    self.core = core
    machine = Self.machine(core)
  }

  private static func machine(_ core: ClientCore) -> SubchannelStateMachine {
    SubchannelStateMachine(
      backOff: core.configuration.backOff, connectTimeoutMin: core.configuration.connectTimeout)
  }

  /// Calls wait for room: makes one more connection, unless there are enough.
  func want() {
    guard ready.count + 1 < core.configuration.connectionsPerAddressMax else { return }
    let chance = Double.random(in: -1...1)
    guard case .connect(let timeout) = machine.connectRequested(now: .now, chance: chance) else {
      return
    }
    timer = core.loop.schedule(after: timeout) { [weak self] in self?.failed() }
    attempt = core.loop.connect(to: subchannel.address) { [weak self] in self?.connected($0) }
  }

  private func connected(_ result: Result<StreamSocket, EventLoopError>) {
    attempt = nil
    switch result {
    case .failure: failed()
    case .success(let socket):
      let connection = subchannel.makeConnection(socket)
      handshake = connection
      connection.start()
    }
  }

  /// Whether `connection` is one of these; it takes calls now.
  func connectionReady(_ connection: ClientConnection) -> Bool {
    guard handshake === connection else { return false }
    handshake = nil
    timer?.cancel()
    timer = nil
    // The next one begins without a back-off.
    machine = Self.machine(core)
    ready.append(connection)
    core.startWaitingCalls()
    return true
  }

  /// Whether `connection` was one of these.
  func connectionEnded(_ connection: ClientConnection) -> Bool {
    if handshake === connection {
      failed()
      return true
    }
    guard let place = ready.firstIndex(where: { $0 === connection }) else { return false }
    ready.remove(at: place)
    return true
  }

  /// The first connection has ended: the oldest of these takes its place.
  func takeFirst() -> ClientConnection? { ready.isEmpty ? nil : ready.removeFirst() }

  private func failed() {
    timer?.cancel()
    timer = nil
    attempt?.cancel()
    attempt = nil
    let connection = handshake
    handshake = nil
    connection?.shutDown()
    guard case .backOff(let delay) = machine.connectFailed(now: .now) else { return }
    timer = core.loop.schedule(after: delay) { [weak self] in
      guard let self else { return }
      timer = nil
      if machine.backOffPassed(), core.hasWaitingCalls { want() }
    }
  }

  /// The address is used no more, or idle. Calls may end where they are, unless `isAbrupt`.
  func shutDown(isAbrupt: Bool) {
    timer?.cancel()
    timer = nil
    attempt?.cancel()
    attempt = nil
    let connections = ready + [handshake].compactMap { $0 }
    ready = []
    handshake = nil
    machine = Self.machine(core)
    for connection in connections {
      if isAbrupt { connection.shutDown() } else { connection.retire() }
    }
  }
}
