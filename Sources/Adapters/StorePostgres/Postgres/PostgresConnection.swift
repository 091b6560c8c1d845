internal import EventLoops
internal import StoreSQL

/// What a connection tells its owner, on the loop.
protocol PostgresConnectionDelegate: AnyObject {
  /// The connection is over; its commands have been told. Called at most once, not for
  /// ``PostgresConnection/close()``.
  func connectionBroke(_ connection: PostgresConnection, cause: String)
  /// The server turned out to take no writes.
  func connectionIsReadOnly(_ connection: PostgresConnection)
  /// Something was announced on a channel that the connection listens to.
  func notificationCame(_ connection: PostgresConnection, channel: String)
}

/// A connection in pipeline mode: commands go out in groups without waiting, and the answers come
/// in their order. Confined to its loop.
///
/// A group ends with ``endGroup(_:)``. A command that fails skips the rest of its group. Outside a
/// transaction each statement of a group has a snapshot of its own; those that write belong into
/// transactions.
final class PostgresConnection {
  let id: Int
  private let loop: EventLoop
  private let handle: PostgresHandle
  private let notices: PostgresNotices
  private weak var delegate: (any PostgresConnectionDelegate)?
  private var watch: FileWatch?
  private var isWatchingForWrite = false
  private(set) var isOver = false

  /// What answers are still to come for, in order.
  private enum Expected {
    case preparation(PostgresCommand, name: String)
    case command(PostgresCommand)
    case endOfGroup(() -> Void)
  }

  private var expected = Waiting<Expected>()
  /// The failure that skips the rest of the group under way.
  private var groupFailure: PostgresError?
  /// The command whose own preparation failed.
  private var unprepared: PostgresCommand?
  /// Prepared on the server under the statement's name and ``generation``, or about to be: then
  /// with the group that the preparation is part of.
  private var prepared: [String: Int?] = [:]
  /// The number of the group under way.
  private var group = 0
  /// One more each time the server forgot what we prepared.
  private var generation = 0
  private var parameters = PostgresParameters()
  /// When bytes came last, or the wait for them began, by the loop's clock in nanoseconds.
  private(set) var lastInput: UInt64

  /// Statements kept prepared on one connection; ours are fewer. Others are sent as text.
  static let statementsPreparedMax = 512

  init(
    id: Int, loop: EventLoop, handle: PostgresHandle,
    delegate: any PostgresConnectionDelegate
  ) {
    self.id = id
    self.loop = loop
    self.handle = handle
    notices = handle.notices
    self.delegate = delegate
    lastInput = loop.tickNanoseconds
  }

  /// Begins to read. Call it once.
  func start() {
    guard let descriptor = handle.fileDescriptor else { return breakOff("it has no socket") }
    do throws(EventLoopError) {
      watch = try loop.watch(fileDescriptor: descriptor, .readable) { [weak self] events in
        self?.ready(events)
      }
    } catch {
      breakOff("\(error)")
    }
  }

  /// Ends the connection; its commands are told. A second call does nothing.
  func close() {
    delegate = nil
    breakOff("the connection was closed")
  }

  /// Whether answers are still to come.
  var isAwaitingAnswer: Bool {
    // The group that is being written has no end yet.
    if case .endOfGroup = expected.last { return true }
    return false
  }

  /// Whether nothing is under way and no transaction is open.
  var isClean: Bool { !isOver && expected.isEmpty && handle.isOutsideTransaction }

  /// Warnings that the server sent so far.
  var warningCount: Int { notices.warningCount }

  var isEncrypted: Bool { handle.isEncrypted }

  // MARK: Sending

  /// Queues `command` for the group under way.
  func send(_ command: PostgresCommand) {
    guard !isOver else { return command.complete(.lost("the connection is gone")) }
    do throws(PostgresParameters.HoldsNUL) {
      try parameters.encode(command.values)
    } catch {
      return command.complete(
        .damaged(
          "parameter \(error.parameter) of \(command.statement.name) holds U+0000, which a text "
            + "of PostgreSQL can't"))
    }
    let wire = prepare(command)
    guard !isOver else { return command.complete(.lost("the connection is gone")) }
    expected.append(.command(command))
    if !handle.send(wire, parameters) { breakOff("a command could not be sent") }
  }

  /// Queues the preparation, where it needs one, and answers how the command is to be sent.
  private func prepare(_ command: PostgresCommand) -> PostgresWireCommand {
    let statement = command.statement
    guard command.isPrepared else { return .text(statement.text) }
    let name = generation == 0 ? statement.name : "\(statement.name).\(generation)"
    if let pending = prepared[name] {
      // A preparation that is under way in another group may fail; this command must not.
      return pending == nil || pending == group
        ? .prepared(name: name) : .text(statement.text)
    }
    guard prepared.count < Self.statementsPreparedMax else { return .text(statement.text) }
    prepared[name] = group
    expected.append(.preparation(command, name: name))
    let types = command.values.map(PostgresParameters.oid(of:))
    if !handle.sendPrepare(name: name, text: statement.text, types: types) {
      breakOff("a command could not be sent")
    }
    return .prepared(name: name)
  }

  /// Ends the group under way and sends it. `answered` is called when all its answers are in, and
  /// never when the connection breaks before.
  func endGroup(_ answered: @escaping () -> Void) {
    guard !isOver else { return }
    if !isAwaitingAnswer { lastInput = loop.tickNanoseconds }
    group += 1
    expected.append(.endOfGroup(answered))
    guard handle.sendSync() else { return breakOff("a command could not be sent") }
    flush()
  }

  private func flush() {
    switch handle.flush() {
    case .complete: watchForWrite(false)
    case .incomplete: watchForWrite(true)
    case .failed: breakOff("a command could not be sent")
    }
  }

  private func watchForWrite(_ isOn: Bool) {
    guard isOn != isWatchingForWrite, let watch else { return }
    isWatchingForWrite = isOn
    do throws(EventLoopError) {
      try watch.update(isOn ? [.readable, .writable] : .readable)
    } catch {
      breakOff("\(error)")
    }
  }

  // MARK: Receiving

  private func ready(_ events: FileEvents) {
    lastInput = loop.tickNanoseconds
    guard handle.consumeInput() else {
      // What came before the end has been parsed and is told first.
      takeAnswers()
      return breakOff(Self.cause(of: notices.fatalState))
    }
    takeAnswers()
    guard !isOver else { return }
    while let channel = handle.nextNotification() {
      delegate?.notificationCame(self, channel: channel)
      guard !isOver else { return }
    }
    if isWatchingForWrite { flush() }
  }

  private static func cause(of fatalState: String?) -> String {
    guard let fatalState else { return "the connection to PostgreSQL was lost" }
    return "PostgreSQL ended the connection (SQLSTATE \(fatalState))"
  }

  private func takeAnswers() {
    while !isOver, let next = expected.first, !handle.isBusy {
      switch handle.nextAnswer() {
      case .endOfCommand:
        // The mark after the answers to one command; the end of a group has none.
        expected.removeFirst()
      case .result(let result): take(result, for: next)
      }
    }
  }

  private func take(_ result: borrowing PostgresResult, for next: Expected) {
    let kind = result.kind
    switch (next, kind) {
    case (.endOfGroup(let answered), .sync):
      expected.removeFirst()
      groupFailure = nil
      unprepared = nil
      answered()
    case (_, .failure):
      failed(result.error, next)
    case (.preparation(_, let name), .rows): prepared.updateValue(nil, forKey: name)
    case (.preparation(_, let name), .skipped): prepared.removeValue(forKey: name)
    case (.command(let command), .rows): finish(command, result)
    case (.command(let command), .skipped):
      if let failure = groupFailure, unprepared === command {
        command.complete(.failed(failure))
      } else {
        command.complete(.skipped(cause: groupFailure))
      }
    case (.endOfGroup, _), (_, .sync):
      breakOff("the answers are out of step")
    }
  }

  private func failed(_ error: PostgresError, _ next: Expected) {
    if error.severity == .fatal {
      if case .command(let command) = next { command.complete(.failed(error)) }
      return breakOff(Self.cause(of: error.state))
    }
    // libpq's own failures, as of a connection that is lost, have no SQLSTATE of a server.
    if error.state == "08006", handle.isBad {
      return breakOff(Self.cause(of: notices.fatalState))
    }
    groupFailure = error
    if error.isStalePreparation {
      prepared.removeAll()
      generation += 1
    }
    switch next {
    case .preparation(let command, let name):
      prepared.removeValue(forKey: name)
      unprepared = command
    case .command(let command): command.complete(.failed(error))
    case .endOfGroup: break
    }
    if error.isReadOnlyServer { delegate?.connectionIsReadOnly(self) }
  }

  private func finish(_ command: PostgresCommand, _ result: borrowing PostgresResult) {
    if let tag = command.tag, !result.hasTag(tag) {
      return command.complete(.failed(PostgresError(severity: .error, state: "25P02")))
    }
    do throws(PostgresColumnType.Unknown) {
      command.complete(.rows(try result.decoded()))
    } catch {
      command.complete(
        .damaged("\(command.statement.name) answers a column of the type \(error.oid)"))
    }
  }

  private func breakOff(_ cause: String) {
    guard !isOver else { return }
    isOver = true
    watch?.close()
    watch = nil
    handle.close()
    for case .command(let command) in expected.removeAll() { command.complete(.lost(cause)) }
    delegate?.connectionBroke(self, cause: cause)
  }
}
