import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// The change to staged credentials, as an operation.
struct PromoteTests {
  private let caller = Caller.of(Harness.tenant)

  /// A provider with so many numbers, and a second key staged.
  private func scene(_ count: Int) async throws -> (Harness, Provider) {
    let harness = Harness()
    let provider = try await harness.link()
    for number in 0..<count {
      try harness.buy(number)
      _ = try await harness.importNumber(number, provider, inbound: false)
    }
    harness.carrier.addKey(Sample.key(9), secret: "new", account: Harness.account, region: .us1)
    let staged = try await harness.providers.stage(
      StageCredential(
        providerID: provider.id.description,
        twilio: TwilioInput(apiKeySID: Sample.key(9).description, apiKeySecret: Secret("new"))),
      by: caller)
    return (harness, staged)
  }

  private func promote(
    _ harness: Harness, _ provider: Provider, waits: Bool = true
  ) async throws -> (Provider, Registry.Operation) {
    try await harness.providers.promote(
      SwitchCredential(providerID: provider.id.description), waits: waits, by: caller)
  }

  private func sid(_ provider: Provider) -> APIKeySID? {
    guard case .twilio(let twilio) = provider.configuration else { return nil }
    return twilio.apiKey?.sid
  }

  private func stored(_ harness: Harness, _ provider: Provider) async throws -> Provider {
    try await harness.providers.get(provider.id.description, by: caller)
  }

  @Test func isAnOperation() async throws {
    let (harness, staged) = try await scene(5)
    let (promoted, operation) = try await promote(harness, staged)
    #expect(sid(promoted) == Sample.key(9) && promoted.staged == nil)
    #expect(
      (operation.kind, operation.state, operation.subject)
        == (.rotateCredential, .succeeded, .credential(staged.id)))
    let rotation = try #require(operation.rotation)
    #expect((rotation.triedCount, rotation.totalCount, rotation.rowCount) == (5, 5, 0))
    let log = try await harness.store.tenant(Harness.tenant).auditEvents(
      AuditFilter(action: .rotate), after: nil, limit: 9)
    // It is its caller's, who need not be there at the end.
    #expect(log.map(\.principal) == [caller.principal])
  }

  @Test func itGoesOnWithoutItsCaller() async throws {
    let (harness, staged) = try await scene(3)
    let (present, operation) = try await promote(harness, staged, waits: false)
    #expect(sid(present) == Sample.key(1) && operation.state == .running)
    await harness.context.background.idle()
    #expect(sid(try await stored(harness, staged)) == Sample.key(9))
    let none = await failure { try await promote(harness, staged) }
    #expect(none == .credentialNotStaged(staged.id))
  }

  /// The error has few of the numbers, the operation all.
  @Test func allUnreachableNumbersAreKept() async throws {
    let (harness, staged) = try await scene(60)
    harness.carrier.hide((1..<60).map { Sample.sid($0) }, from: Sample.key(9))
    let error = await failure { try await promote(harness, staged) }
    guard case .numbersUnreachable(let few, 59, let id?) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(few.count == RegistryLimits.unreachableNumbersMax)
    let operation = try await Operations(harness.context).get(id.description, by: caller)
    #expect(operation.state == .failed && operation.refusal == error)
    #expect(operation.rotation?.rows.count == 59 && operation.rotation?.rowCount == 59)
    #expect(try await stored(harness, staged) == staged)
  }

  /// What the carrier refused is told by the operation as it was told to the caller.
  @Test func aRefusalIsKept() async throws {
    let (harness, staged) = try await scene(1)
    harness.carrier.removeKey(Sample.key(9), account: Harness.account, region: .us1)
    let error = await failure { try await promote(harness, staged) }
    #expect(refusal(error) == .credentialsRefused)
    let page = try await Operations(harness.context).list(
      ListOperations(state: .value(.failed)), by: caller)
    #expect(refusal(page.elements.first?.refusal) == .credentialsRefused)
    #expect(page.elements.first?.failure?.cause == .credentialsRefused)
  }

  /// Cut at whatever step, the provider has the old credentials or the new, the operation ends by
  /// itself, and promoting once more is safe.
  @Test func aPromotionSurvivesEveryFailure() async throws {
    for fault in [FaultInjector.Fault.crashBefore, .crashAfter] {
      for step in 1..<200 {
        let (clean, staged) = try await scene(3)
        let injector = FaultInjector(failing: step, fault)
        let harness = clean.restarted(injector)
        _ = try? await promote(harness, staged)
        await harness.context.background.drain()
        let cut = try await stored(clean, staged)
        #expect(sid(cut) == Sample.key(1) || sid(cut) == Sample.key(9), "\(fault) at \(step)")
        #expect((cut.staged == nil) == (sid(cut) == Sample.key(9)), "\(fault) at \(step)")
        let again = clean.restarted()
        try await again.context.resume()
        let open = try await again.store.openJournals(after: nil, limit: 9)
        #expect(open.isEmpty, "\(fault) at \(step)")
        let ended = try await stored(again, staged)
        if ended.staged != nil { _ = try await promote(again, staged) }
        let promoted = try await stored(again, staged)
        #expect(sid(promoted) == Sample.key(9), "\(fault) at \(step)")
        #expect(promoted.previous?.apiKey?.sid == Sample.key(1), "\(fault) at \(step)")
        guard injector.count >= step else { break }
      }
    }
  }

  @Test func numbersThatComeMeanwhileAreTried() async throws {
    let (harness, staged) = try await scene(2)
    let record = RotationRecord(
      mark: try #require(staged.staged?.mark), etag: "", asker: StoredCaller(caller))
    #expect(record.asker.caller(of: Harness.tenant).principal == caller.principal)
    harness.carrier.hide([Sample.sid(7)], from: Sample.key(9))
    try harness.buy(7)
    _ = try await harness.importNumber(7, staged, inbound: false)
    guard case .numbersUnreachable(_, 1, _) = await failure({ try await promote(harness, staged) })
    else {
      Issue.record("not refused")
      return
    }
  }
}

struct OperationSubjectTests {
  @Test(arguments: [
    OperationSubject.number(Sample.numberID(1)), .provider(Sample.providerID(1)),
    .credential(Sample.providerID(1)), .batch(Sample.providerID(1), Sample.operationID(2)),
  ])
  func itsTextIsReadBack(_ subject: OperationSubject) {
    #expect(OperationSubject(subject.description) == subject)
  }

  @Test(arguments: [
    "", "pn_1", "prv_1", "op_1", "\(Sample.providerID(1))/", "\(Sample.providerID(1))/x",
    "\(Sample.providerID(1))/credential/x", "\(Sample.numberID(1))/credential",
  ])
  func othersAreRefused(_ text: String) { #expect(OperationSubject(text) == nil) }

  /// What a journal entry keeps of an error is the error that comes out again.
  @Test(arguments: [
    RegistryError.notFound(.provider(Sample.providerID(1))), .numberClaimed,
    .numberExists(Sample.numberID(1)), .numberInOtherRegion(Sample.numberID(1), .ie1),
    .numberNotAtCarrier(Sample.providerID(1)), .numberWithoutVoice(nil),
    .regionNotServed(.au1), .quotaExceeded(.number, countMax: 4), .tooManyTrials,
    .carrier(CarrierFailure(CarrierError(.keyRestricted, effect: .refused, code: 70051))),
    .provisioningFailed(
      Sample.numberID(1), ProvisioningFailure(cause: .overwritten), leftovers: []),
    .credentialsOfOtherRegion(asked: .us1, valid: .ie1),
  ])
  func aRefusalIsKeptAsItWas(_ error: RegistryError) {
    #expect(StoredRefusal(error).error == error)
  }
}
