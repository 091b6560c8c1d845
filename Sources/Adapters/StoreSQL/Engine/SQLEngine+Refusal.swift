/// Why a transaction's body stopped short.
enum Interruption<Refusal: Error>: Error {
  /// The database failed; the engine may repeat the transaction.
  case failed(SQLFailure)
  /// A rule of ours refuses it: nothing is kept.
  case refused(Refusal)
}

extension SQLEngine {
  /// Runs `body` in a transaction; what it refuses is rolled back and thrown.
  func transaction<Result: Sendable, Refusal: Error>(
    refusing: Refusal.Type,
    _ body: @Sendable (any SQLSession) async throws(Interruption<Refusal>) -> Result
  ) async throws(Interruption<Refusal>) -> Result {
    let ended: Swift.Result<Result, Refusal>
    do throws(SQLFailure) {
      ended = try await transaction {
        session async throws(SQLFailure) -> SQLEnding<Swift.Result<Result, Refusal>> in
        do throws(Interruption<Refusal>) {
          return .commit(.success(try await body(session)))
        } catch {
          switch error {
          case .failed(let failure): throw failure
          case .refused(let refusal): return .rollBack(.failure(refusal))
          }
        }
      }
    } catch {
      throw .failed(error)
    }
    switch ended {
    case .success(let result): return result
    case .failure(let refusal): throw .refused(refusal)
    }
  }
}
