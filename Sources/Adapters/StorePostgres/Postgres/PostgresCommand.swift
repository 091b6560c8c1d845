internal import StoreSQL

/// One statement on its way through a connection. Confined to the loop.
final class PostgresCommand {
  enum Completion {
    case rows(SQLResult)
    /// The server refused it.
    case failed(PostgresError)
    /// An earlier command of its group failed, for which `cause` stands; it was not run.
    case skipped(cause: PostgresError?)
    /// A value can't be sent, or an answer not be read.
    case damaged(String)
    /// The connection broke before the answer.
    case lost(String)
  }

  let statement: SQLStatement
  let values: [SQLValue]
  /// Kept prepared under its name; else it is sent as text each time.
  let isPrepared: Bool
  /// The command's tag that counts as success; nil takes any.
  let tag: String?
  /// Called once.
  var completed: ((Completion) -> Void)?

  init(
    _ statement: SQLStatement, _ values: [SQLValue] = [], isPrepared: Bool = true,
    tag: String? = nil, completed: ((Completion) -> Void)? = nil
  ) {
    self.statement = statement
    self.values = values
    self.isPrepared = isPrepared
    self.tag = tag
    self.completed = completed
  }

  /// A command of ours without parameters, sent as text.
  convenience init(
    text: String, tag: String? = nil, completed: ((Completion) -> Void)? = nil
  ) {
    self.init(SQLStatement("", text), isPrepared: false, tag: tag, completed: completed)
  }

  func complete(_ completion: Completion) {
    let completed = self.completed
    self.completed = nil
    completed?(completion)
  }
}

extension PostgresCommand.Completion {
  /// As the port tells it. With `committing` the command is COMMIT.
  func result(committing: Bool = false) -> Result<SQLResult, SQLFailure> {
    switch self {
    case .rows(let result): .success(result)
    case .failed(let error): .failure(error.failure(committing: committing))
    case .skipped(let cause?): .failure(cause.failure())
    case .skipped(nil):
      .failure(.unavailable(cause: "the statement was not run", mayHaveCommitted: false))
    case .damaged(let cause): .failure(.damaged(cause: cause))
    case .lost(let cause):
      .failure(.unavailable(cause: cause, mayHaveCommitted: committing))
    }
  }
}
