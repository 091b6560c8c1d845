import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// What a tenant sees of the work at carriers.
@Suite struct OperationsTests {
  private let harness = Harness()
  private let caller = Caller.of(.main)

  private var operations: Operations { Operations(harness.context) }

  private func imported() async throws -> PhoneNumber {
    let provider = try await harness.link(.ie1)
    try harness.buy(1)
    return try await harness.importNumber(1, provider)
  }

  /// What is read back is no step of its own, and what was put back for good tells its code.
  @Test func stepsTellWhatIsChanged() throws {
    var journal = ProvisioningJournal.importing(
      try Sample.number(provider: Sample.provider(1, region: .ie1)), ours: VoiceSettings(),
      id: Sample.operationID(1), time: Sample.start)
    journal.steps[0].state = .left
    journal.steps[0].carrierCode = 20003
    let operation = Operation(journal)
    #expect(
      operation.steps == [
        OperationStep(.webhook, .left, region: .ie1, carrierCode: 20003),
        OperationStep(.processingRegion, .pending, region: .ie1),
      ])
    #expect(
      operation.leftovers == [Leftover(kind: .webhook, region: .ie1, carrierCode: 20003)])
  }

  /// The error says whether anything is left at the carrier, which is known at the end only.
  @Test func whatIsBeingUndoneHasNoErrorYet() throws {
    var journal = ProvisioningJournal.importing(
      try Sample.number(provider: Sample.provider(1)), ours: VoiceSettings(),
      id: Sample.operationID(1), time: Sample.start)
    journal.phase = .undoing
    journal.failure = ProvisioningFailure(cause: .notPermitted)
    #expect(Operation(journal).failure == nil)
    journal.phase = .closed
    journal.outcome = .undone
    #expect(Operation(journal).failure == journal.failure)
  }

  @Test func anImportIsAnOperation() async throws {
    let number = try await imported()
    let page = try await operations.list(ListOperations(), by: caller)
    let operation = try #require(page.elements.first)
    #expect(page.elements.count == 1 && page.nextToken.isEmpty)
    #expect(operation.kind == .importNumber && operation.subject == .number(number.id))
    #expect(operation.state == .succeeded && operation.failure == nil)
    #expect(operation.endTime == operation.updateTime)
    let read = try await operations.get(operation.id.description, by: caller)
    #expect(read == operation)
    // It is over: nothing is waited for.
    let waited = try await operations.wait(
      for: operation.id.description, timeout: nil, by: caller)
    #expect(waited == operation)
    let none = try await operations.list(ListOperations(state: .value(.failed)), by: caller)
    #expect(none.elements.isEmpty)
  }

  @Test func anotherTenantsIsNotThere() async throws {
    _ = try await imported()
    let mine = try await operations.list(ListOperations(), by: caller).elements[0]
    let other = Caller.of(Sample.otherTenant)
    let theirs = try await operations.list(ListOperations(), by: other)
    #expect(theirs.elements.isEmpty)
    await #expect(throws: RegistryError.notFound(.operation(mine.id))) {
      _ = try await operations.get(mine.id.description, by: other)
    }
    await #expect(throws: RegistryError.notFound(.operation(mine.id))) {
      _ = try await operations.wait(for: mine.id.description, timeout: nil, by: other)
    }
  }

  @Test func badValuesAreNamed() async throws {
    for id in ["", "pn_1", "op_1"] {
      await #expect(throws: RegistryError.self) { _ = try await operations.get(id, by: caller) }
    }
    let id = Sample.operationID(1).description
    for timeout in [Duration.zero, .seconds(-1), .seconds(3601)] {
      let error = await #expect(throws: RegistryError.self) {
        _ = try await operations.wait(for: id, timeout: timeout, by: caller)
      }
      guard case .invalidArgument(let violations) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(violations.map(\.field) == ["timeout"])
    }
  }
}
