import StoreSQL
import Testing

struct GatedEngineTests {
  /// Answers everything with nothing.
  private struct EmptyEngine: SQLEngine {
    struct Session: SQLSession {
      func run(
        _ statement: SQLStatement, _ values: [SQLValue]
      ) async throws(SQLFailure) -> SQLResult { SQLResult() }

      func announceChange() async throws(SQLFailure) {}
    }

    func read(
      _ statement: SQLStatement, _ values: [SQLValue]
    ) async throws(SQLFailure) -> SQLResult { SQLResult() }

    func transaction<Result: Sendable>(
      _ body: @Sendable (any SQLSession) async throws(SQLFailure) -> SQLEnding<Result>
    ) async throws(SQLFailure) -> Result {
      switch try await body(Session()) {
      case .commit(let result), .rollBack(let result): return result
      }
    }
  }

  private let statement = SQLStatement("nothing", "SELECT 1")

  @Test func refusesUntilItIsOpened() async throws {
    let engine = GatedEngine(EmptyEngine())
    let refused = SQLFailure.unavailable(
      cause: "the database was not reached yet", mayHaveCommitted: false)
    await #expect(throws: refused) { _ = try await engine.read(statement, []) }
    await #expect(throws: refused) {
      try await engine.transaction { _ async throws(SQLFailure) -> SQLEnding<Void> in
        .commit(())
      }
    }
    #expect(!engine.isOpen)
    engine.open()
    #expect(engine.isOpen)
    _ = try await engine.read(statement, [])
    let answer = try await engine.transaction { _ async throws(SQLFailure) -> SQLEnding<Int> in
      .commit(7)
    }
    #expect(answer == 7)
  }
}
