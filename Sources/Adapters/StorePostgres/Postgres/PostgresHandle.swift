internal import CPostgres
internal import Glibc

/// One connection of libpq. Owns the `PGconn` and finishes it exactly once.
///
/// Confined to the loop of its pool. Nothing here waits for the server: libpq is in non-blocking
/// mode, and names are resolved before (``PostgresConnecting``).
@safe final class PostgresHandle {
  private var handle: OpaquePointer?
  /// What the server said beside the answers; libpq's callback writes to it.
  let notices: PostgresNotices

  /// What the handshake waits for.
  enum Handshake {
    case toRead
    case toWrite
    case done
    case failed
  }

  /// What came next in the stream of answers.
  enum Answer: ~Copyable {
    case result(PostgresResult)
    /// The answers to one command are complete.
    case endOfCommand
  }

  /// Begins to connect; nil when there is no memory. `parameters` are libpq's own.
  init?(parameters: [(name: String, value: String)], notices: PostgresNotices) {
    self.notices = notices
    var names = unsafe parameters.map { unsafe strdup($0.name) }
    var values = unsafe parameters.map { unsafe strdup($0.value) }
    unsafe names.append(nil)
    unsafe values.append(nil)
    defer {
      while let text = unsafe names.popLast() { unsafe free(text) }
      while let text = unsafe values.popLast() { unsafe free(text) }
    }
    let constantNames = unsafe names.map { unsafe UnsafePointer($0) }
    let constantValues = unsafe values.map { unsafe UnsafePointer($0) }
    guard let handle = unsafe PQconnectStartParams(constantNames, constantValues, 0) else {
      return nil
    }
    unsafe self.handle = handle
    let context = unsafe Unmanaged.passUnretained(notices).toOpaque()
    unsafe _ = PQsetNoticeReceiver(handle, noticeCame, context)
  }

  deinit { close() }

  /// Ends the connection. A second call does nothing. The watch of its file must be closed before.
  func close() {
    guard let handle = unsafe handle else { return }
    unsafe self.handle = nil
    unsafe PQfinish(handle)
  }

  // MARK: Connecting

  /// Whether libpq gave up before the first step.
  var isBad: Bool { unsafe PQstatus(handle) == CONNECTION_BAD }

  /// The socket; another after each ``advance()``. Nil when there is none.
  var fileDescriptor: Int32? {
    let descriptor = unsafe PQsocket(handle)
    return descriptor < 0 ? nil : descriptor
  }

  /// Goes on with the handshake, since the socket is ready.
  func advance() -> Handshake {
    switch unsafe PQconnectPoll(handle) {
    case PGRES_POLLING_READING: .toRead
    case PGRES_POLLING_WRITING: .toWrite
    case PGRES_POLLING_OK: .done
    default: .failed
    }
  }

  /// Turns to non-blocking pipeline mode; false when libpq refuses.
  func beginPipeline() -> Bool {
    unsafe PQsetnonblocking(handle, 1) == 0 && PQenterPipelineMode(handle) == 1
  }

  /// Why the handshake failed, in one line. It names hosts, ports and users, no password.
  var errorText: String {
    guard let text = unsafe PQerrorMessage(handle) else { return "" }
    let lines = unsafe String(cString: text).split(separator: "\n")
    return lines.first.map(String.init) ?? ""
  }

  /// A setting that the server reports by itself, as `server_version`.
  func parameter(_ name: String) -> String? {
    guard let text = unsafe PQparameterStatus(handle, name) else { return nil }
    return unsafe String(cString: text)
  }

  var isEncrypted: Bool { unsafe PQsslInUse(handle) != 0 }

  // MARK: Sending

  /// Queues the preparation of `text` under `name`; false when the connection is lost.
  func sendPrepare(name: String, text: String, types: [Oid]) -> Bool {
    unsafe types.withUnsafeBufferPointer { types in
      unsafe PQsendPrepare(handle, name, text, Int32(types.count), types.baseAddress) == 1
    }
  }

  /// Queues the run of a prepared statement, or of `text` itself without a name, with binary
  /// parameters and results; false when the connection is lost.
  func send(_ command: PostgresWireCommand, _ parameters: borrowing PostgresParameters) -> Bool {
    unsafe parameters.withPointers { count, types, values, lengths, formats in
      switch command {
      case .prepared(let name):
        unsafe PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1) == 1
      case .text(let text):
        unsafe PQsendQueryParams(handle, text, count, types, values, lengths, formats, 1) == 1
      }
    }
  }

  /// Ends a group of commands: what fails in it skips the rest of it and no more. Also sends what
  /// is queued, as far as the socket takes it.
  func sendSync() -> Bool { unsafe PQpipelineSync(handle) == 1 }

  /// What is left to be sent after a try.
  enum Flush {
    case complete
    case incomplete
    case failed
  }

  func flush() -> Flush {
    switch unsafe PQflush(handle) {
    case 0: .complete
    case 1: .incomplete
    default: .failed
    }
  }

  // MARK: Receiving

  /// Takes what the socket has; false when the connection is lost.
  func consumeInput() -> Bool { unsafe PQconsumeInput(handle) == 1 }

  /// Whether ``nextAnswer()`` would wait.
  var isBusy: Bool { unsafe PQisBusy(handle) == 1 }

  /// The next answer. Call it only for a command that was sent, and not while ``isBusy``.
  func nextAnswer() -> Answer {
    guard let result = unsafe PQgetResult(handle) else { return .endOfCommand }
    return unsafe .result(PostgresResult(takingOwnershipOf: result))
  }

  /// The channel of the next notification, if one came.
  func nextNotification() -> String? {
    guard let notification = unsafe PQnotifies(handle) else { return nil }
    defer { unsafe PQfreemem(notification) }
    return unsafe String(cString: notification.pointee.relname)
  }

  /// Whether no transaction is open.
  var isOutsideTransaction: Bool { unsafe PQtransactionStatus(handle) == PQTRANS_IDLE }
}

/// How a command names its statement.
enum PostgresWireCommand {
  case prepared(name: String)
  case text(String)
}

/// What the server says on its own: warnings, and why it closes an idle connection. Confined to the
/// loop of its connection.
///
/// Only the SQLSTATE is kept: a message may quote values.
final class PostgresNotices {
  /// How many warnings came so far.
  private(set) var warningCount = 0
  /// The last FATAL or PANIC that came outside an answer.
  private(set) var fatalState: String?
  /// Told of each.
  var noticed: (PostgresError) -> Void = { _ in }

  fileprivate func note(_ error: PostgresError) {
    if error.severity == .warning { warningCount += 1 }
    if error.severity == .fatal { fatalState = error.state }
    noticed(error)
  }
}

private func noticeCame(_ context: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {
  guard let context = unsafe context, let result = unsafe result else { return }
  let notices = unsafe Unmanaged<PostgresNotices>.fromOpaque(context).takeUnretainedValue()
  notices.note(unsafe PostgresError(borrowing: result))
}
