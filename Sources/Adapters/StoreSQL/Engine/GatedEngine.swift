internal import Synchronization

/// An engine that refuses everything until it is opened: the tables may not be there yet.
///
/// For a store that is made before its database can be reached. Callable from any executor.
package final class GatedEngine: SQLEngine {
  private let base: any SQLEngine
  private let gate = Atomic(false)

  package init(_ base: any SQLEngine) {
    self.base = base
  }

  /// From now on everything goes to the engine behind it.
  package func open() { gate.store(true, ordering: .releasing) }

  package var isOpen: Bool { gate.load(ordering: .acquiring) }

  private func check() throws(SQLFailure) {
    guard isOpen else {
      throw .unavailable(cause: "the database was not reached yet", mayHaveCommitted: false)
    }
  }

  package func read(
    _ statement: SQLStatement, _ values: [SQLValue]
  ) async throws(SQLFailure) -> SQLResult {
    try check()
    return try await base.read(statement, values)
  }

  package func transaction<Result: Sendable>(
    _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
  ) async throws(SQLFailure) -> Result {
    try check()
    return try await base.transaction(body)
  }
}
