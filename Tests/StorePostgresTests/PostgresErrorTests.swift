import StoreSQL
import Testing

@testable import StorePostgres

@Suite struct PostgresErrorTests {
  private func failure(
    _ state: String, _ severity: PostgresError.Severity = .error, committing: Bool = false
  ) -> SQLFailure {
    PostgresError(severity: severity, state: state, constraint: "c").failure(committing: committing)
  }

  @Test(arguments: ["40001", "40P01", "42710", "42P07"])
  func lostRacesAreRepeated(_ state: String) {
    #expect(failure(state) == .serialization)
    #expect(failure(state, committing: true) == .serialization)
  }

  @Test func aTakenKeyNamesItsConstraint() {
    #expect(failure("23505") == .uniqueViolation(constraint: "c"))
  }

  @Test func aCancelledStatementIsADeadline() { #expect(failure("57014") == .deadline) }

  @Test(arguments: [
    "57P01", "57P02", "57P03", "53100", "53300", "25006", "25P03", "58030", "08006",
  ])
  func whatPassesIsUnavailable(_ state: String) {
    guard case .unavailable(let cause, mayHaveCommitted: false) = failure(state) else {
      Issue.record("\(failure(state))")
      return
    }
    #expect(cause.contains(state))
  }

  @Test(arguments: ["42P01", "22021", "23502", "XX001", "25P02"])
  func whatNoRuleForeseesIsDamage(_ state: String) {
    guard case .damaged(let cause) = failure(state) else {
      Issue.record("\(failure(state))")
      return
    }
    #expect(cause.contains(state) || state == "25P02")
  }

  @Test func onlyAFatalAnswerToCommitLeavesItOpen() {
    func mayHaveCommitted(_ failure: SQLFailure) -> Bool? {
      guard case .unavailable(_, let mayHaveCommitted) = failure else { return nil }
      return mayHaveCommitted
    }
    #expect(mayHaveCommitted(failure("57P01", .fatal, committing: true)) == true)
    #expect(mayHaveCommitted(failure("57P01", .fatal)) == false)
    #expect(mayHaveCommitted(failure("53100", committing: true)) == false)
    #expect(mayHaveCommitted(failure("40003", committing: true)) == true)
    let lost = PostgresCommand.Completion.lost("gone")
    #expect(lost.result() == .failure(.unavailable(cause: "gone", mayHaveCommitted: false)))
    #expect(
      lost.result(committing: true)
        == .failure(.unavailable(cause: "gone", mayHaveCommitted: true)))
    let skipped = PostgresCommand.Completion.skipped(
      cause: PostgresError(severity: .error, state: "40001"))
    #expect(skipped.result(committing: true) == .failure(.serialization))
  }
}
