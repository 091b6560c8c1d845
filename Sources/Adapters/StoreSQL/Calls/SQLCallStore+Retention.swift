package import CallDispatch
package import Telephony

extension SQLCallStore {
  package func forgetCalls(
    before id: CallID, limit: Int
  ) async throws(CallStoreError) -> Int {
    let values = [SQLValue(id.region), .text(id.description), SQLValue(limit)]
    do throws(SQLFailure) {
      return try await engine.transaction { session async throws(SQLFailure) -> SQLEnding<Int> in
        let gone = try await session.run(CallStatements.forgetCalls, values).rows
        guard let last = gone.map({ $0.integer(0) }).max() else { return .commit(0) }
        _ = try await session.run(
          CallStatements.prunedThrough, [.integer(last), SQLValue(id.region)])
        return .commit(gone.count)
      }
    } catch {
      throw CallStoreError(error)
    }
  }
}
