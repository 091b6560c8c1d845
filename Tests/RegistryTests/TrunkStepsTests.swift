import Telephony
import TestKit
import Testing

@testable import Registry

/// The journal's machine with steps that make something, event by event.
struct TrunkStepsTests {
  private typealias Action = ProvisioningStateMachine.Action

  private let was = CarrierSetting.voice(Sample.voice)
  private let refused = ProvisioningFailure(cause: .notPermitted, carrierCode: 20003)
  private let down = ProvisioningFailure(cause: .unavailable)
  private let trunkSID = "TK00000000000000000000000000000001"

  private func number(inbound: Bool = true, outbound: Bool = true) throws -> PhoneNumber {
    var number = try Sample.number(1, provider: Sample.provider(1, region: .ie1))
    number.ingress = .trunk
    number.gatewayProviderID = Sample.provider(2).id
    number.supportsInbound = inbound
    number.supportsOutbound = outbound
    return number
  }

  private func plan() -> IngressPlan {
    .trunk(
      TrunkPlan(gatewayID: Sample.provider(2).id, sipHost: "sip.example.test", username: "user"))
  }

  private func importing(_ number: PhoneNumber) -> ProvisioningStateMachine {
    ProvisioningStateMachine(
      .importing(number, by: plan(), id: Sample.operationID(1), time: Sample.start))
  }

  /// What the step makes, with an id.
  private func made(_ machine: ProvisioningStateMachine, _ index: Int) throws -> ExternalResource {
    var made = try #require(machine.journal.steps[index].resource)
    made.externalID = made.kind == .trunk ? trunkSID : "id\(index)"
    return made
  }

  /// Writes the steps up to `end`, each with its answer.
  private func written(
    _ machine: inout ProvisioningStateMachine, to end: Int
  ) throws -> Action {
    var action = machine.resumed()
    if case .look = action {
      #expect(action == .look(8, .former))
      #expect(machine.sighted(was) == .look(9, .former))
      action = machine.sighted(.region(.au1))
    }
    for index in 0..<end {
      let step = machine.journal.steps[index]
      let ours = try #require(step.ours)
      #expect(action == .write(index, ours))
      action = machine.written(step.kind.isResource ? try made(machine, index) : nil)
    }
    return action
  }

  @Test func makesInOrder() throws {
    var machine = importing(try number())
    #expect(
      machine.journal.steps.map(\.kind) == [
        .trunk, .credentialList, .credential, .trunkCredentialList, .originationURL,
        .gatewayInboundTrunk, .gatewayOutboundTrunk, .dispatchRule, .trunkNumber,
        .processingRegion, .readBack,
      ])
    // Only what is overwritten is looked at before; what is made was not there.
    #expect(machine.resumed() == .look(8, .former))
    let action = try written(&machine, to: 10)
    #expect(machine.journal.former?.voice == Sample.voice)
    #expect(machine.journal.ours == VoiceSettings(trunkSID: trunkSID))
    #expect(action == .look(0, .confirm))
    for index in 0..<8 {
      let seen = machine.sighted(.resource(try made(machine, index)))
      #expect(seen == .look(index + 1, .confirm))
    }
    var record = Sample.voice
    record.trunkSID = trunkSID
    #expect(machine.sighted(.voice(record)) == .look(9, .confirm))
    #expect(machine.sighted(.region(.ie1)) == .close(.done))
    let resources = machine.journal.resources(after: [])
    #expect(resources.map(\.kind) == Array(StepKind.allCases.prefix(8)))
    #expect(resources.allSatisfy { $0.name == "trunkline-\(machine.journal.subject.numberID!)" })
    #expect(resources.map(\.externalID) == [trunkSID] + (1...7).map { "id\($0)" })
  }

  @Test func aNumberThatOnlyCallsOutTouchesNoRecord() throws {
    var machine = importing(try number(inbound: false))
    #expect(
      machine.journal.steps.map(\.kind) == [
        .trunk, .credentialList, .credential, .trunkCredentialList, .gatewayOutboundTrunk,
        .readBack,
      ])
    _ = try written(&machine, to: 5)
    #expect(machine.journal.former == nil && machine.journal.ours == nil)
  }

  @Test func aNumberThatIsOnlyCalledHasNoCredentials() throws {
    let machine = importing(try number(outbound: false))
    #expect(
      machine.journal.steps.map(\.kind) == [
        .trunk, .originationURL, .gatewayInboundTrunk, .dispatchRule, .trunkNumber,
        .processingRegion, .readBack,
      ])
  }

  /// After a refusal at any step: what was made is taken away in reverse, once it was found.
  @Test func undoesInReverse() throws {
    for failing in 1..<8 {
      var machine = importing(try number())
      _ = try written(&machine, to: failing)
      var action = machine.stepFailed(refused, mayHaveActed: false)
      for index in (0..<failing).reversed() {
        #expect(action == .look(index, .restore))
        let found = try made(machine, index)
        #expect(machine.sighted(.resource(found)) == .write(index, .resource(nil)))
        #expect(machine.journal.steps[index].made == found)
        action = machine.written()
      }
      #expect(action == .close(.undone))
      #expect(machine.journal.resources(after: []).isEmpty)
    }
  }

  /// A step whose answer was lost is looked for by its name.
  @Test func findsWhatALostAnswerMade() throws {
    var machine = importing(try number())
    _ = try written(&machine, to: 0)
    #expect(machine.stepFailed(down, mayHaveActed: true) == .look(0, .restore))
    var nothing = machine
    #expect(nothing.sighted(.resource(nil)) == .close(.undone))
    let found = try made(machine, 0)
    #expect(machine.sighted(.resource(found)) == .write(0, .resource(nil)))
    #expect(machine.journal.steps[0].made?.externalID == trunkSID)
    #expect(machine.written() == .close(.undone))
  }

  @Test func whatSomebodyAlteredIsStillOurs() throws {
    var machine = importing(try number())
    _ = try written(&machine, to: 10)
    let found = try made(machine, 0)
    #expect(machine.sighted(.altered(found)) == .look(9, .restore))
    #expect(machine.journal.failure?.cause == .overwritten)
    _ = machine.sighted(.region(.us1))
    #expect(machine.sighted(was) == .look(7, .restore))
    let rule = try made(machine, 7)
    #expect(machine.sighted(.altered(rule)) == .write(7, .resource(nil)))
  }

  @Test func takesOnlyWhatBearsOurName() throws {
    var other = ExternalResource(
      .trunk, providerID: Sample.provider(1).id, region: .ie1, name: "theirs", externalID: "TK9")
    let ours = CarrierSetting.resource(
      ExternalResource(.trunk, providerID: Sample.provider(1).id, region: .ie1, name: "ours"))
    #expect(
      CarrierSetting.resource(other).puttingBack(ours, to: .resource(nil)) == nil)
    other.name = "ours"
    #expect(
      CarrierSetting.resource(other).puttingBack(ours, to: .resource(nil)) == .resource(nil))
  }

  /// A gateway that is down does not keep the carrier's things where they are.
  @Test func leavesOnlyWhatIsAtTheOneThatIsDown() throws {
    var machine = importing(try number())
    _ = try written(&machine, to: 7)
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .look(6, .restore))
    var action = machine.stepFailed(down, mayHaveActed: false)
    for index in (0..<5).reversed() {
      #expect(action == .look(index, .restore))
      _ = machine.sighted(.resource(try made(machine, index)))
      action = machine.written()
    }
    #expect(action == .close(.corrupted))
    #expect(machine.journal.leftovers.map(\.kind) == [.gatewayInboundTrunk, .gatewayOutboundTrunk])
    #expect(machine.journal.leftovers.map { $0.resource?.externalID } == ["id5", "id6"])
    #expect(
      machine.journal.resources(after: []).map(\.kind)
        == [.gatewayInboundTrunk, .gatewayOutboundTrunk])
  }

  /// What could not be taken off a trunk goes with the trunk, and is not told any more.
  @Test func whatHangsOnATrunkGoesWithIt() throws {
    var machine = importing(try number(outbound: false))
    _ = machine.resumed()
    _ = machine.sighted(was)
    _ = machine.sighted(.region(.au1))
    _ = machine.written(try made(machine, 0))
    _ = machine.written(try made(machine, 1))
    // The gateway's trunk is refused, and so is what takes the address off the trunk.
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .look(1, .restore))
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .look(0, .restore))
    #expect(machine.journal.leftovers.map(\.kind) == [.originationURL])
    var refusedToo = machine
    #expect(refusedToo.stepFailed(refused, mayHaveActed: false) == .close(.corrupted))
    #expect(refusedToo.journal.leftovers.map(\.kind) == [.trunk, .originationURL])
    let trunk = try made(machine, 0)
    #expect(machine.sighted(.resource(trunk)) == .write(0, .resource(nil)))
    #expect(machine.written() == .close(.undone))
    #expect(machine.journal.leftovers.isEmpty)
  }

  // MARK: Deleting

  private func standing() throws -> PhoneNumber {
    var number = try number()
    number.state = .active
    number.configured = VoiceSettings(trunkSID: trunkSID)
    number.former = FormerSettings(
      voice: Sample.voice, processingRegion: .au1, recordedTime: Sample.start)
    var machine = importing(try self.number())
    _ = try written(&machine, to: 10)
    number.resources = machine.journal.resources(after: [])
    return number
  }

  @Test func deletesInReverse() throws {
    let number = try standing()
    var machine = ProvisioningStateMachine(
      .deleting(number, id: Sample.operationID(2), time: Sample.start))
    #expect(machine.resumed() == .look(0, .restore))
    #expect(machine.sighted(.region(.ie1)) == .write(0, .region(.au1)))
    #expect(machine.written() == .look(1, .restore))
    // The trunk took the application away; the address stood there all the time.
    let record = VoiceSettings(voiceURL: "https://since.test", trunkSID: trunkSID)
    var back = record
    back.trunkSID = Sample.voice.trunkSID
    back.applicationSID = Sample.voice.applicationSID
    guard case .write(1, .voice(let put)) = machine.sighted(.voice(record)) else {
      Issue.record("nothing was put back")
      return
    }
    #expect(put.trunkSID == back.trunkSID && put.voiceURL == "https://since.test")
    var action = machine.written()
    for (index, resource) in number.resources.reversed().enumerated() {
      #expect(action == .look(index + 2, .restore))
      #expect(machine.sighted(.resource(resource)) == .write(index + 2, .resource(nil)))
      action = machine.written()
    }
    #expect(action == .close(.done))
  }

  /// A number that is gone at the carrier takes nothing with it of what was made for it.
  @Test func aVanishedNumberLeavesItsTrunk() throws {
    var machine = ProvisioningStateMachine(
      .deleting(try standing(), id: Sample.operationID(2), time: Sample.start))
    _ = machine.resumed()
    _ = machine.sighted(.region(.us1))
    let missing = ProvisioningFailure(cause: .notFound, carrierCode: 20404)
    #expect(machine.stepFailed(missing, mayHaveActed: false) == .look(2, .restore))
  }

  @Test func anotherTrunkStays() throws {
    var machine = ProvisioningStateMachine(
      .deleting(try standing(), id: Sample.operationID(2), time: Sample.start))
    _ = machine.resumed()
    _ = machine.sighted(.region(.us1))
    #expect(machine.sighted(.voice(VoiceSettings(trunkSID: "TK9"))) == .look(2, .restore))
  }

  // MARK: Repairing

  @Test func putsTheNumberOnTheTrunkThatIsMadeAnew() throws {
    let number = try standing()
    var machine = ProvisioningStateMachine(
      .repairing(number, by: plan(), id: Sample.operationID(2), time: Sample.start))
    let ours = try #require(machine.journal.steps[0].ours)
    #expect(machine.resumed() == .write(0, ours))
    var anew = number.resources[0]
    anew.externalID = "TK00000000000000000000000000000002"
    _ = machine.written(anew)
    #expect(machine.journal.ours == VoiceSettings(trunkSID: anew.externalID))
    // A failure later leaves the new one, and the number knows it.
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .close(.undone))
    let resources = machine.journal.resources(after: number.resources)
    #expect(resources.count == 8 && resources[0].externalID == anew.externalID)
    #expect(resources[1] == number.resources[1])
  }

  /// Whatever action was the last one before a crash, the work goes on; what is taken away is
  /// looked for again.
  @Test func goesOnFromEveryAction() throws {
    var machine = importing(try number())
    func resumed() -> Action {
      var again = ProvisioningStateMachine(machine.journal)
      return again.resumed()
    }
    var action = try written(&machine, to: 0)
    for index in 0..<10 {
      #expect(action == resumed())
      let isMade = machine.journal.steps[index].kind.isResource
      action = machine.written(isMade ? try made(machine, index) : nil)
    }
    #expect(resumed() == .look(0, .confirm))
    #expect(machine.stepFailed(refused, mayHaveActed: false) == resumed())
    _ = machine.sighted(.region(.us1))
    #expect(machine.sighted(was) == .look(7, .restore))
    _ = machine.sighted(.resource(try made(machine, 7)))
    #expect(resumed() == .look(7, .restore))
  }
}
