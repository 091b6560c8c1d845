internal import EventLoops
internal import StoreSQL
internal import Telemetry

/// The connections of one engine: performs what ``PostgresPoolStateMachine`` decides.
///
/// Confined to its loop, which its connections share. Requests that come in one tick of the loop go
/// out together: one group, one write for each connection.
final class PostgresPool: @unchecked Sendable {
  // @unchecked: but for the constants, touched only inside blocks that the loop executes.
  let loop: EventLoop
  let target: PostgresTarget
  let configuration: PostgresConfiguration
  private let logger: Logger
  private var machine: PostgresPoolStateMachine<PostgresRequest>
  private var connecting: [Int: PostgresConnecting] = [:]
  private var connections: [Int: PostgresConnection] = [:]
  private var roles: [Int: PostgresPoolStateMachine<PostgresRequest>.Role] = [:]
  private var isAssignmentDue = false
  private var reconnectTimer: TimerHandle?
  private var maintenanceTimer: TimerHandle?
  private var closed: [() -> Void] = []
  private var isClosed = false
  /// Why the last try to connect failed.
  private var lastFailure: String?
  /// Whether the server has taken LISTEN: the engines without it do not take NOTIFY, either.
  private(set) var canNotify = false
  /// The deadlines of requests.
  private(set) lazy var deadlines = DeadlineWheel(loop: loop)

  init(
    target: PostgresTarget, configuration: PostgresConfiguration, loop: EventLoop
  ) {
    self.loop = loop
    self.target = target
    self.configuration = configuration
    logger = configuration.logger
    machine = PostgresPoolStateMachine(
      limits: configuration.limits, hasListener: configuration.channel != nil,
      random: { Double.random(in: 0...1) })
  }

  /// Runs `work` on the loop: at once when the caller is there.
  func onLoop(_ work: @escaping @Sendable () -> Void) {
    if loop.isCurrent { work() } else { loop.execute(work) }
  }

  /// Opens the first connections. Call it once, on the loop, like all that follows.
  func start() {
    perform(machine.started())
    scheduleMaintenance()
  }

  /// Closes when the work under way has ended, or with force; `done` is called when it has.
  func close(_ done: @escaping () -> Void) {
    if isClosed { return done() }
    closed.append(done)
    guard closed.count == 1 else { return }
    loop.schedule(after: configuration.closeTimeout) { self.closeByForce() }
    perform(machine.shutDown())
  }

  private func closeByForce() {
    for id in connections.keys.sorted() { connections[id].map(breakOff) }
  }

  private var now: Duration { .nanoseconds(Int64(clamping: MonotonicTime.nanoseconds())) }

  // MARK: Requests

  func enqueue(_ read: PostgresRead) {
    if let refusal = machine.readRequested(read, now: now) {
      return read.refused(failure(of: refusal))
    }
    scheduleAssignment()
  }

  func enqueue(_ transaction: PostgresTransaction) {
    if let refusal = machine.transactionRequested(transaction, now: now) {
      return transaction.refused(failure(of: refusal))
    }
    scheduleAssignment()
  }

  /// Takes back a request that waits; one that does not is no mistake.
  func withdraw(_ request: PostgresRequest) { _ = machine.withdrawn(request) }

  /// A transaction is over and gives its connection back.
  func release(_ connection: PostgresConnection) {
    let isClean = connection.isClean
    perform(machine.released(connection.id, isClean: isClean, now: now))
    scheduleAssignment()
  }

  /// Ends a connection whose server does not answer in time.
  func breakOff(_ connection: PostgresConnection) {
    connection.close()
    connectionBroke(connection, cause: "PostgreSQL did not answer in time")
  }

  /// A transaction is over before the server has answered: its connection is closed, upon which the
  /// server ends what it runs (`client_connection_check_interval`).
  ///
  /// libpq's own way, PQcancel, blocks for as long as the network likes, and may hit the statement
  /// after the one that was meant.
  func discard(_ connection: PostgresConnection) {
    perform(machine.released(connection.id, isClean: false, now: now))
    scheduleAssignment()
  }

  private func scheduleAssignment() {
    guard !isAssignmentDue else { return }
    isAssignmentDue = true
    loop.callAtEndOfTick(self)
  }

  private func failure(
    of refusal: PostgresPoolStateMachine<PostgresRequest>.Refusal
  ) -> SQLFailure {
    let cause =
      switch refusal {
      case .queueFull: "too many requests wait for a connection to PostgreSQL"
      case .closing: "the store is closing"
      case .waitedTooLong:
        "no connection to PostgreSQL was free in \(configuration.limits.waitTimeout)"
          + (lastFailure.map { "; the last try to connect: \($0)" } ?? "")
      }
    return .unavailable(cause: cause, mayHaveCommitted: false)
  }

  // MARK: Actions

  private func perform(_ actions: [PostgresPoolStateMachine<PostgresRequest>.Action]) {
    for action in actions {
      switch action {
      case .connect(let id, let role): connect(id, role)
      case .close(let id): close(id)
      case .read(let requests, let id): send(requests, on: id)
      case .lease(let request, let id): lease(request, on: id)
      case .refuse(let request, let refusal): request.refused(failure(of: refusal))
      case .waitToReconnect(let wait):
        reconnectTimer?.cancel()
        reconnectTimer = loop.schedule(after: wait) { [weak self] in
          guard let self else { return }
          self.perform(self.machine.reconnectDue())
        }
      case .finished: finished()
      }
    }
  }

  private func finished() {
    isClosed = true
    reconnectTimer?.cancel()
    maintenanceTimer?.cancel()
    let closed = self.closed
    self.closed = []
    for done in closed { done() }
  }

  private func send(_ requests: [PostgresRequest], on id: Int) {
    guard let connection = connections[id] else { return }
    for case let read as PostgresRead in requests {
      if read.isRepeated { connection.endGroup {} }
      connection.send(read.makeCommand())
      if read.isRepeated { connection.endGroup {} }
    }
    connection.endGroup { [weak self] in
      guard let self else { return }
      self.perform(self.machine.answered(id, count: requests.count, now: self.now))
      self.scheduleAssignment()
    }
  }

  private func lease(_ request: PostgresRequest, on id: Int) {
    guard let connection = connections[id] else { return }
    (request as? PostgresTransaction)?.leased(connection)
  }

  private func close(_ id: Int) {
    roles[id] = nil
    connecting.removeValue(forKey: id)?.cancel()
    connections.removeValue(forKey: id)?.close()
  }

  private func connect(_ id: Int, _ role: PostgresPoolStateMachine<PostgresRequest>.Role) {
    roles[id] = role
    let notices = { [logger] () -> PostgresNotices in
      let notices = PostgresNotices()
      notices.noticed = { error in
        logger.debug("PostgreSQL sent a notice", ["sqlstate": .text(error.state)])
      }
      return notices
    }
    connecting[id] = PostgresConnecting(
      loop: loop, target: target, timeout: configuration.connectTimeout, makeNotices: notices
    ) { [weak self] outcome in self?.connectEnded(id, outcome) }
  }

  private func connectEnded(_ id: Int, _ outcome: PostgresConnecting.Outcome) {
    connecting[id] = nil
    switch outcome {
    case .failed(let cause):
      roles[id] = nil
      if lastFailure != cause {
        logger.warning("PostgreSQL can't be reached", ["cause": .text(cause)])
      }
      lastFailure = cause
      perform(machine.connectFailed(id))
    case .connected(let handle):
      if lastFailure != nil { logger.info("PostgreSQL is reached again") }
      lastFailure = nil
      let connection = PostgresConnection(id: id, loop: loop, handle: handle, delegate: self)
      connections[id] = connection
      connection.start()
      setUp(connection, as: roles[id])
      perform(machine.established(id, now: now))
    }
  }

  /// What holds on a connection for its whole life. Nobody waits for it: it goes ahead of the work.
  private func setUp(
    _ connection: PostgresConnection, as role: PostgresPoolStateMachine<PostgresRequest>.Role?
  ) {
    func set(_ name: String, _ value: String) {
      // A group of its own each: one that an engine does not know fails alone.
      connection.send(PostgresCommand(text: "SET \(name) = \(value)"))
      connection.endGroup {}
    }
    switch role {
    case .reader:
      // Nothing that a writer could not live with: a pooler may give it the session.
      set("statement_timeout", "\(configuration.readTimeout.wholeMilliseconds)")
      // Each statement has one good plan, whatever its values: the index of its filters. The server
      // would plan every page anew, which takes longer than to read it.
      set("plan_cache_mode", "force_generic_plan")
    case .writer:
      set(
        "client_connection_check_interval",
        "\(configuration.clientCheckInterval.wholeMilliseconds)")
      set(
        "idle_in_transaction_session_timeout",
        "\(configuration.idleTransactionTimeout.wholeMilliseconds)")
    case .listener, nil:
      guard let channel = configuration.channel else { return }
      let command = PostgresCommand(text: "LISTEN \(channel)") { [weak self] completion in
        guard let self, case .rows = completion else { return }
        self.canNotify = true
        self.configuration.notified()
      }
      connection.send(command)
      connection.endGroup {}
    }
  }

  // MARK: Maintenance

  private func scheduleMaintenance() {
    guard !isClosed else { return }
    maintenanceTimer = loop.schedule(after: Self.maintenanceInterval) { [weak self] in
      self?.maintain()
    }
  }

  private static let maintenanceInterval = Duration.seconds(1)

  private func maintain() {
    // A COMMIT may wait for its standby as long as it likes; but when reads get no answer either,
    // it is the server that is gone, and its connections would be held for nothing.
    let silent = roles.keys.sorted().filter(isSilent)
    if silent.contains(where: { roles[$0] != .writer }) {
      for id in silent { connections[id].map(breakOff) }
    }
    perform(machine.maintained(now: now))
    scheduleMaintenance()
  }
}

extension PostgresPool {
  /// Whether a connection's answer is later than a read's may be.
  private func isSilent(_ id: Int) -> Bool {
    guard let connection = connections[id], connection.isAwaitingAnswer else { return false }
    let silence = Int64(clamping: loop.tickNanoseconds) - Int64(clamping: connection.lastInput)
    return .nanoseconds(silence) > configuration.readTimeout + configuration.answerTimeout
  }
}

extension PostgresPool: EndOfTickHandler {
  func tickEnded() {
    isAssignmentDue = false
    perform(machine.assigned(now: now))
  }
}

extension PostgresPool: PostgresConnectionDelegate {
  func connectionBroke(_ connection: PostgresConnection, cause: String) {
    guard connections.removeValue(forKey: connection.id) != nil else { return }
    roles[connection.id] = nil
    logger.warning("a connection to PostgreSQL broke", ["cause": .text(cause)])
    perform(machine.broke(connection.id, now: now))
    scheduleAssignment()
  }

  func connectionIsReadOnly(_ connection: PostgresConnection) {
    // A reader of ours is read-only by its own setting; only a writer shows what the server is.
    guard roles[connection.id] == .writer else { return }
    logger.warning("the server takes no writes; looking for the primary")
    perform(machine.serverIsReadOnly())
  }

  func notificationCame(_ connection: PostgresConnection, channel: String) {
    if channel == configuration.channel { configuration.notified() }
  }
}

extension Duration {
  /// Milliseconds, rounded up; at least 1, since 0 turns a timeout of PostgreSQL's off.
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    let fraction = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return max(seconds * 1000 + fraction, 1)
  }
}
