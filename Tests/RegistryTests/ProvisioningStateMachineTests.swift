import Telephony
import TestKit
import Testing

@testable import Registry

struct ProvisioningStateMachineTests {
  private typealias Action = ProvisioningStateMachine.Action

  private let ours = VoiceSettings(voiceURL: "https://ours.test/1")
  private let was = CarrierSetting.voice(Sample.voice)
  private let refused = ProvisioningFailure(cause: .credentialsRefused, carrierCode: 20003)
  private let missing = ProvisioningFailure(cause: .notFound, carrierCode: 20404)
  private let down = ProvisioningFailure(cause: .unavailable)

  /// The steps of an import, and of a deletion.
  private let webhook = 0
  private let region = 1
  private let regionBack = 0
  private let webhookBack = 1

  private func importing(_ region: Region = .ie1) throws -> ProvisioningStateMachine {
    ProvisioningStateMachine(
      .importing(
        try Sample.number(1, provider: Sample.provider(1, region: region)), ours: ours,
        id: Sample.operationID(1), time: Sample.start))
  }

  /// An import after both looks.
  private func looked(_ former: Region? = nil) throws -> ProvisioningStateMachine {
    var machine = try importing()
    _ = machine.resumed()
    _ = machine.sighted(was)
    _ = machine.sighted(.region(former))
    return machine
  }

  private func deleting(
    _ ours: VoiceSettings? = nil, _ former: VoiceSettings = Sample.voice
  ) throws -> ProvisioningStateMachine {
    var number = try Sample.number(1, provider: Sample.provider(1, region: .ie1))
    number.configured = ours ?? self.ours
    number.former = FormerSettings(
      voice: former, processingRegion: nil, recordedTime: Sample.start)
    return ProvisioningStateMachine(
      .deleting(number, id: Sample.operationID(1), time: Sample.start))
  }

  private func leftover(_ kind: StepKind, code: Int? = nil) -> Leftover {
    Leftover(kind: kind, region: .ie1, carrierCode: code)
  }

  // MARK: Forward

  @Test func importsInOrder() throws {
    var machine = try importing()
    #expect(machine.resumed() == .look(webhook, .former))
    #expect(machine.sighted(was) == .look(region, .former))
    #expect(machine.sighted(.region(nil)) == .write(webhook, .voice(ours)))
    #expect(machine.journal.former?.voice == Sample.voice)
    #expect(machine.journal.steps.map(\.state) == [.running, .pending, .pending])
    #expect(machine.written() == .write(region, .region(.ie1)))
    #expect(machine.written() == .look(webhook, .confirm))
    #expect(machine.sighted(.voice(ours)) == .look(region, .confirm))
    #expect(machine.sighted(.region(.ie1)) == .close(.done))
    #expect(machine.journal.steps.map(\.state) == [.done, .done, .done])
    #expect(machine.journal.phase == .closed)
    #expect(machine.journal.outcome == .done)
  }

  @Test func leavesAnUnsetRegionAloneInUS1() throws {
    var machine = try importing(.us1)
    _ = machine.resumed()
    _ = machine.sighted(was)
    _ = machine.sighted(.region(nil))
    #expect(machine.written() == .look(webhook, .confirm))
    #expect(machine.sighted(.voice(ours)) == .look(region, .confirm))
    #expect(machine.sighted(.region(nil)) == .close(.done))
  }

  @Test func bringsAnotherRegionHomeToUS1() throws {
    var machine = try importing(.us1)
    _ = machine.resumed()
    _ = machine.sighted(was)
    _ = machine.sighted(.region(.au1))
    #expect(machine.written() == .write(region, .region(.us1)))
  }

  @Test func waitsBetweenTwoSteps() throws {
    var journal = try looked().journal
    journal.steps.insert(
      ProvisioningStep(.propagation, .wait, region: .ie1, duration: .seconds(600)), at: 2)
    journal.steps[0].state = .done
    journal.steps[1].state = .done
    var machine = ProvisioningStateMachine(journal)
    #expect(machine.resumed() == .beginWait(2, .seconds(600)))
    #expect(machine.waitBegan(until: Sample.time(600)) == .wait(2, until: Sample.time(600)))
    #expect(machine.journal.wakeTime == Sample.time(600))
    var resumed = ProvisioningStateMachine(machine.journal)
    #expect(resumed.resumed() == .wait(2, until: Sample.time(600)))
    #expect(machine.waited() == .look(webhook, .confirm))
    #expect(machine.journal.wakeTime == nil)
  }

  @Test func failsCleanBeforeAnythingWasWritten() throws {
    var machine = try importing()
    _ = machine.resumed()
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .close(.undone))
    #expect(machine.journal.failure == refused)
    #expect(machine.journal.steps.map(\.state) == [.undone, .undone, .undone])

    machine = try importing()
    _ = machine.resumed()
    _ = machine.sighted(was)
    #expect(machine.stepFailed(refused, mayHaveActed: true) == .close(.undone))

    machine = try importing()
    _ = machine.resumed()
    #expect(machine.foundUnsuitable() == .close(.undone))

    machine = try looked()
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .close(.undone))
  }

  // MARK: Undoing

  @Test func looksBeforeItUndoesAnUnknownWrite() throws {
    var machine = try looked(.us1)
    #expect(machine.stepFailed(refused, mayHaveActed: true) == .look(webhook, .restore))
    // It was not written after all.
    var other = machine
    #expect(other.sighted(was) == .close(.undone))
    // It was.
    #expect(machine.sighted(.voice(ours)) == .write(webhook, was))
    #expect(machine.written() == .close(.undone))
    #expect(machine.journal.failure == refused)
    #expect(machine.journal.steps[webhook].state == .undone)
  }

  @Test func undoesInReverse() throws {
    var machine = try looked(.au1)
    _ = machine.written()
    #expect(machine.stepFailed(refused, mayHaveActed: true) == .look(region, .restore))
    #expect(machine.sighted(.region(.ie1)) == .write(region, .region(.au1)))
    #expect(machine.written() == .look(webhook, .restore))
    #expect(machine.sighted(.voice(ours)) == .write(webhook, was))
    #expect(machine.written() == .close(.undone))
  }

  @Test func undoesOnlyWhatMayHaveActed() throws {
    var machine = try looked(.au1)
    _ = machine.written()
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .look(webhook, .restore))
  }

  @Test func undoesWhatSomebodyOverwrote() throws {
    for voice in [
      Sample.voice, VoiceSettings(voiceURL: "https://ours.test/1", trunkSID: "TK1"),
      VoiceSettings(voiceURL: "https://ours.test/1", applicationSID: "AP1"),
    ] {
      var machine = try looked()
      _ = machine.written()
      _ = machine.written()
      #expect(machine.sighted(.voice(voice)) == .look(region, .restore))
      #expect(machine.journal.failure?.cause == .overwritten)
    }
    var machine = try looked()
    _ = machine.written()
    _ = machine.written()
    _ = machine.sighted(.voice(ours))
    #expect(machine.sighted(.region(.us1)) == .look(region, .restore))
    #expect(machine.journal.failure?.cause == .overwritten)
  }

  @Test func keepsTheFirstFailure() throws {
    var machine = try looked()
    _ = machine.written()
    _ = machine.stepFailed(ProvisioningFailure(cause: .invalidRequest), mayHaveActed: true)
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .look(webhook, .restore))
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .close(.corrupted))
    #expect(machine.journal.failure?.cause == .invalidRequest)
    #expect(machine.journal.leftovers.map(\.kind) == [.webhook, .processingRegion])
  }

  /// What is only written again stays where it is when it fails.
  @Test func undoesNoRewrite() throws {
    var journal = try looked().journal
    journal.steps = [
      ProvisioningStep(
        .webhook, .rewrite, region: .ie1, ours: .voice(ours), former: was, state: .running),
      ProvisioningStep(
        .processingRegion, .rewrite, region: .ie1, ours: .region(.ie1), former: .region(nil)),
      ProvisioningStep(.readBack, .confirm, region: .ie1),
    ]
    var machine = ProvisioningStateMachine(journal)
    #expect(machine.resumed() == .write(0, .voice(ours)))
    #expect(machine.written() == .write(1, .region(.ie1)))
    var failed = machine
    #expect(failed.stepFailed(refused, mayHaveActed: true) == .look(1, .restore))
    // Only whether it was written is looked at.
    #expect(failed.sighted(.region(.ie1)) == .close(.undone))
    #expect(failed.journal.steps.map(\.state) == [.done, .done, .undone])
    #expect(machine.written() == .look(0, .confirm))
  }

  // MARK: Putting back

  @Test func putsBackOnDelete() throws {
    var machine = try deleting()
    #expect(machine.resumed() == .look(regionBack, .restore))
    #expect(machine.sighted(.region(.ie1)) == .write(regionBack, .region(.us1)))
    #expect(machine.written() == .look(webhookBack, .restore))
    #expect(machine.sighted(.voice(ours)) == .write(webhookBack, was))
    #expect(machine.written() == .close(.done))
    #expect(machine.journal.failure == nil)
    #expect(machine.journal.steps.map(\.state) == [.done, .done])
  }

  @Test func leavesWhatIsNotOursAnyMore() throws {
    var machine = try deleting()
    _ = machine.resumed()
    #expect(machine.sighted(.region(.au1)) == .look(webhookBack, .restore))
    #expect(machine.sighted(was) == .close(.done))
  }

  /// Only the number's own record tells that the number is gone.
  @Test func takesAVanishedNumberForGone() throws {
    var machine = try deleting()
    _ = machine.resumed()
    _ = machine.sighted(.region(.ie1))
    #expect(machine.stepFailed(missing, mayHaveActed: false) == .look(webhookBack, .restore))
    #expect(machine.journal.leftovers == [leftover(.processingRegion, code: 20404)])
    // The number is there: its webhook is put back all the same.
    var there = machine
    #expect(there.sighted(.voice(ours)) == .write(webhookBack, was))
    #expect(there.written() == .close(.corrupted))
    #expect(there.journal.leftovers == [leftover(.processingRegion, code: 20404)])
    #expect(there.journal.failure == missing)
    // It is not.
    #expect(machine.stepFailed(missing, mayHaveActed: false) == .close(.done))
    #expect(machine.journal.leftovers.isEmpty)
    #expect(machine.journal.failure == nil)
  }

  @Test func looksAgainWhenPuttingBackTheWebhookFindsNothing() throws {
    var machine = try deleting()
    _ = machine.resumed()
    _ = machine.sighted(.region(.us1))
    _ = machine.sighted(.voice(ours))
    #expect(machine.stepFailed(missing, mayHaveActed: false) == .look(webhookBack, .restore))
    var gone = machine
    #expect(gone.stepFailed(missing, mayHaveActed: false) == .close(.done))
    #expect(gone.journal.failure == nil)
    #expect(machine.sighted(.voice(ours)) == .close(.corrupted))
    #expect(machine.journal.leftovers == [leftover(.webhook, code: 20404)])
  }

  @Test func tellsWhatIsLeft() throws {
    var machine = try deleting()
    _ = machine.resumed()
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .look(webhookBack, .restore))
    var rest = machine
    #expect(machine.stepFailed(refused, mayHaveActed: true) == .close(.corrupted))
    #expect(
      machine.journal.leftovers
        == [leftover(.processingRegion, code: 20003), leftover(.webhook, code: 20003)])
    _ = rest.sighted(.voice(ours))
    #expect(rest.written() == .close(.corrupted))
    #expect(rest.journal.leftovers == [leftover(.processingRegion, code: 20003)])
  }

  /// What was put back though its answer was lost is not left, whatever its repetition was told.
  @Test func looksAgainWhenPuttingBackMayHaveActed() throws {
    var machine = try deleting()
    _ = machine.resumed()
    _ = machine.sighted(.region(.ie1))
    #expect(machine.stepFailed(refused, mayHaveActed: true) == .look(regionBack, .restore))
    #expect(machine.journal.leftovers == [leftover(.processingRegion, code: 20003)])
    var done = machine
    #expect(done.sighted(.region(.us1)) == .look(webhookBack, .restore))
    #expect(done.journal.leftovers.isEmpty)
    #expect(done.sighted(was) == .close(.done))
    #expect(done.journal.failure == nil)
    #expect(machine.sighted(.region(.ie1)) == .look(webhookBack, .restore))
    #expect(machine.sighted(was) == .close(.corrupted))
  }

  /// A carrier that does not answer is not waited for once more at each step.
  @Test func leavesTheRestWhenTheCarrierIsDown() throws {
    var machine = try deleting()
    _ = machine.resumed()
    #expect(machine.stepFailed(down, mayHaveActed: false) == .close(.corrupted))
    #expect(machine.journal.leftovers.map(\.kind) == [.processingRegion, .webhook])

    machine = try looked(.ie1)
    _ = machine.written()
    // The region was ours before us, too: nothing of it can be left.
    #expect(machine.stepFailed(down, mayHaveActed: true) == .look(region, .restore))
    #expect(machine.stepFailed(down, mayHaveActed: false) == .close(.corrupted))
    #expect(machine.journal.leftovers.map(\.kind) == [.webhook])
  }

  /// Each field that is still ours goes back, whoever changed the others.
  @Test func putsBackFieldByField() throws {
    let ours = VoiceSettings(
      voiceURL: "https://ours.test/1", fallbackURL: "https://ours.test/2",
      statusCallbackURL: "https://ours.test/3")
    var was = Sample.voice
    was.trunkSID = "TK1"
    func action(_ change: (inout VoiceSettings) -> Void) throws -> Action {
      var machine = try deleting(ours, was)
      _ = machine.resumed()
      _ = machine.sighted(.region(.us1))
      var present = ours
      change(&present)
      return machine.sighted(.voice(present))
    }
    func back(_ voice: VoiceSettings) -> Action { .write(webhookBack, .voice(voice)) }
    let theirs = "https://theirs.test"
    var expected = was
    #expect(try action { _ in } == back(expected))
    // A method of theirs on a URL of ours does not keep the URL there.
    #expect(try action { $0.voiceMethod = .get } == back(expected))

    expected.voiceURL = theirs
    expected.voiceMethod = .post
    // A former trunk would answer in place of the voice URL that they chose since.
    expected.trunkSID = ""
    #expect(try action { $0.voiceURL = theirs } == back(expected))

    expected = was
    expected.fallbackURL = theirs
    #expect(try action { $0.fallbackURL = theirs } == back(expected))
    expected = was
    expected.statusCallbackURL = theirs
    #expect(try action { $0.statusCallbackURL = theirs } == back(expected))
    expected = was
    expected.trunkSID = "TK2"
    #expect(try action { $0.trunkSID = "TK2" } == back(expected))
    expected = was
    expected.applicationSID = "AP2"
    expected.trunkSID = ""
    #expect(try action { $0.applicationSID = "AP2" } == back(expected))
    #expect(
      try action {
        $0 = VoiceSettings(
          voiceURL: theirs, fallbackURL: theirs, statusCallbackURL: theirs)
      } == .close(.done))
  }

  // MARK: Going on

  /// Whatever action was the last one before a crash, the work goes on; putting back begins with
  /// a look.
  @Test func goesOnFromEveryAction() throws {
    var machine = try importing()
    func resumed() -> Action {
      var again = ProvisioningStateMachine(machine.journal)
      return again.resumed()
    }
    #expect(machine.resumed() == resumed())
    #expect(machine.sighted(was) == resumed())
    #expect(machine.sighted(.region(nil)) == resumed())
    #expect(machine.written() == resumed())
    #expect(machine.written() == resumed())
    _ = machine.sighted(.voice(ours))
    #expect(resumed() == .look(webhook, .confirm))
    #expect(machine.stepFailed(refused, mayHaveActed: false) == resumed())
    #expect(machine.sighted(.region(.ie1)) == .write(region, .region(.us1)))
    #expect(resumed() == .look(region, .restore))
    #expect(machine.written() == resumed())
    #expect(machine.sighted(.voice(ours)) == .write(webhook, was))
    #expect(resumed() == .look(webhook, .restore))
  }
}
