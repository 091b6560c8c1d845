import Telephony
import TestKit
import Testing

@testable import Registry

struct ProvisioningStateMachineTests {
  private let ours = VoiceSettings(voiceURL: "https://ours.test/1")

  private func machine(
    _ kind: ProvisioningKind, region: Region = .ie1, former: FormerSettings? = nil
  ) throws -> ProvisioningStateMachine {
    let number = try Sample.number(1, provider: Sample.provider(1, region: region))
    return ProvisioningStateMachine(
      ProvisioningJournal(
        id: Sample.operationID(1), number: number, kind: kind, ours: ours, former: former,
        time: Sample.start))
  }

  private func former(_ region: Region? = nil) -> FormerSettings {
    FormerSettings(voice: Sample.voice, processingRegion: region, recordedTime: Sample.start)
  }

  private func leftover(_ kind: Leftover.Kind, code: Int? = nil) -> Leftover {
    Leftover(kind: kind, region: .ie1, carrierCode: code)
  }

  private let refused = ProvisioningFailure(cause: .credentialsRefused, carrierCode: 20003)
  private let missing = ProvisioningFailure(cause: .notFound, carrierCode: 20404)

  @Test func importsInOrder() throws {
    var machine = try machine(.importNumber)
    #expect(machine.resumed() == .readFormer)
    #expect(machine.formerRead(former()) == .writeWebhook(ours))
    #expect(machine.journal.former == former())
    #expect(machine.webhookWritten() == .setRegion(.ie1))
    #expect(machine.regionSet() == .readBack)
    #expect(machine.backRead(ours, region: .ie1) == .close(.done))
    #expect(machine.journal.phase == .closed)
    #expect(machine.journal.outcome == .done)
  }

  @Test func leavesAnUnsetRegionAloneInUS1() throws {
    var machine = try machine(.importNumber, region: .us1)
    _ = machine.resumed()
    _ = machine.formerRead(former())
    #expect(machine.webhookWritten() == .readBack)
    #expect(machine.backRead(ours, region: nil) == .close(.done))
  }

  @Test func bringsAnotherRegionHomeToUS1() throws {
    var machine = try machine(.importNumber, region: .us1)
    _ = machine.resumed()
    _ = machine.formerRead(former(.au1))
    #expect(machine.webhookWritten() == .setRegion(.us1))
  }

  @Test func failsCleanBeforeAnythingWasWritten() throws {
    var machine = try machine(.importNumber)
    _ = machine.resumed()
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .close(.undone))
    #expect(machine.journal.failure == refused)

    machine = try self.machine(.importNumber)
    _ = machine.resumed()
    #expect(machine.foundUnsuitable() == .close(.undone))

    machine = try self.machine(.importNumber)
    _ = machine.resumed()
    _ = machine.formerRead(former())
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .close(.undone))
  }

  @Test func looksBeforeItUndoesAnUnknownWrite() throws {
    var machine = try machine(.importNumber)
    _ = machine.resumed()
    _ = machine.formerRead(former(.us1))
    #expect(machine.stepFailed(refused, mayHaveActed: true) == .readPresent)
    // It was not written after all.
    var other = machine
    #expect(other.presentRead(Sample.voice, region: nil) == .close(.undone))
    // It was.
    #expect(machine.presentRead(ours, region: nil) == .restoreWebhook(Sample.voice))
    #expect(machine.webhookRestored() == .close(.undone))
    #expect(machine.journal.failure == refused)
  }

  @Test func undoesInReverse() throws {
    var machine = try machine(.importNumber)
    _ = machine.resumed()
    _ = machine.formerRead(former(.au1))
    _ = machine.webhookWritten()
    #expect(machine.stepFailed(refused, mayHaveActed: true) == .readPresent)
    #expect(machine.presentRead(ours, region: .ie1) == .restoreRegion(.au1))
    #expect(machine.regionRestored() == .restoreWebhook(Sample.voice))
    #expect(machine.webhookRestored() == .close(.undone))
  }

  @Test func undoesWhatSomebodyOverwrote() throws {
    for (voice, region) in [
      (Sample.voice, Region.ie1), (ours, .us1),
      (VoiceSettings(voiceURL: "https://ours.test/1", trunkSID: "TK1"), .ie1),
      (VoiceSettings(voiceURL: "https://ours.test/1", applicationSID: "AP1"), .ie1),
    ] {
      var machine = try machine(.importNumber)
      _ = machine.resumed()
      _ = machine.formerRead(former())
      _ = machine.webhookWritten()
      _ = machine.regionSet()
      #expect(machine.backRead(voice, region: region) == .readPresent)
      #expect(machine.journal.failure?.cause == .overwritten)
    }
  }

  @Test func putsBackOnDelete() throws {
    var machine = try machine(.deleteNumber, former: former())
    #expect(machine.resumed() == .readPresent)
    #expect(machine.presentRead(ours, region: .ie1) == .restoreRegion(.us1))
    #expect(machine.regionRestored() == .restoreWebhook(Sample.voice))
    #expect(machine.webhookRestored() == .close(.done))
    #expect(machine.journal.failure == nil)
  }

  @Test func leavesWhatIsNotOursAnyMore() throws {
    var machine = try machine(.deleteNumber, former: former())
    _ = machine.resumed()
    #expect(machine.presentRead(Sample.voice, region: .au1) == .close(.done))

    machine = try self.machine(.deleteNumber, former: former())
    _ = machine.resumed()
    #expect(machine.presentRead(Sample.voice, region: .ie1) == .restoreRegion(.us1))
    #expect(machine.regionRestored() == .close(.done))

    machine = try self.machine(.deleteNumber, former: former())
    _ = machine.resumed()
    #expect(machine.presentRead(ours, region: .au1) == .restoreWebhook(Sample.voice))
  }

  @Test func takesAVanishedNumberForGone() throws {
    var machine = try machine(.deleteNumber, former: former())
    _ = machine.resumed()
    #expect(machine.numberVanished() == .close(.done))
    #expect(machine.journal.leftovers.isEmpty)
  }

  /// Only the number's own record tells that the number is gone.
  @Test func looksAgainWhenARestoreFindsNothing() throws {
    var reading = try machine(.deleteNumber, former: former())
    _ = reading.resumed()
    var unread = reading
    #expect(unread.stepFailed(missing, mayHaveActed: false) == .close(.corrupted))

    _ = reading.presentRead(ours, region: .ie1)
    var region = reading
    #expect(region.stepFailed(missing, mayHaveActed: false) == .readPresent)
    var gone = region
    #expect(gone.numberVanished() == .close(.done))
    #expect(gone.journal.leftovers.isEmpty)
    #expect(gone.journal.failure == nil)
    // The number is there: its region is not tried again, its webhook is put back all the same.
    region = ProvisioningStateMachine(region.journal)
    #expect(region.presentRead(ours, region: .ie1) == .restoreWebhook(Sample.voice))
    #expect(region.webhookRestored() == .close(.corrupted))
    #expect(region.journal.leftovers == [leftover(.processingRegion, code: 20404)])
    #expect(region.journal.failure == missing)

    var webhook = reading
    _ = webhook.regionRestored()
    #expect(webhook.stepFailed(missing, mayHaveActed: false) == .readPresent)
    gone = webhook
    #expect(gone.numberVanished() == .close(.done))
    #expect(webhook.presentRead(ours, region: .us1) == .close(.corrupted))
    #expect(webhook.journal.leftovers == [leftover(.webhook, code: 20404)])
  }

  @Test func forgetsALeftoverThatTheSecondLookDoesNotFind() throws {
    var machine = try machine(.deleteNumber, former: former())
    _ = machine.resumed()
    _ = machine.presentRead(ours, region: .ie1)
    #expect(machine.stepFailed(missing, mayHaveActed: false) == .readPresent)
    #expect(machine.presentRead(Sample.voice, region: .us1) == .close(.done))
    #expect(machine.journal.leftovers.isEmpty)
    #expect(machine.journal.failure == nil)
  }

  /// Each field that is still ours goes back, whoever changed the others.
  @Test func putsBackFieldByField() throws {
    let ours = VoiceSettings(
      voiceURL: "https://ours.test/1", fallbackURL: "https://ours.test/2",
      statusCallbackURL: "https://ours.test/3")
    var was = Sample.voice
    was.trunkSID = "TK1"
    let former = FormerSettings(
      voice: was, processingRegion: nil, recordedTime: Sample.start)
    func action(
      _ change: (inout VoiceSettings) -> Void
    ) throws -> ProvisioningStateMachine.Action {
      var journal = try machine(.deleteNumber, former: former).journal
      journal.ours = ours
      var machine = ProvisioningStateMachine(journal)
      _ = machine.resumed()
      var present = ours
      change(&present)
      var fresh = machine
      let plain = machine.presentRead(present, region: .us1)
      // The region goes back before it, and the entry is stored between the two.
      #expect(fresh.presentRead(present, region: .ie1) == .restoreRegion(.us1))
      fresh = ProvisioningStateMachine(fresh.journal)
      #expect(fresh.regionRestored() == plain)
      return plain
    }
    let theirs = "https://theirs.test"
    var expected = was
    #expect(try action { _ in } == .restoreWebhook(expected))
    // A method of theirs on a URL of ours does not keep the URL there.
    #expect(try action { $0.voiceMethod = .get } == .restoreWebhook(expected))

    expected.voiceURL = theirs
    expected.voiceMethod = .post
    // A former trunk would answer in place of the voice URL that they chose since.
    expected.trunkSID = ""
    #expect(try action { $0.voiceURL = theirs } == .restoreWebhook(expected))

    expected = was
    expected.fallbackURL = theirs
    #expect(try action { $0.fallbackURL = theirs } == .restoreWebhook(expected))
    expected = was
    expected.statusCallbackURL = theirs
    #expect(try action { $0.statusCallbackURL = theirs } == .restoreWebhook(expected))
    expected = was
    expected.trunkSID = "TK2"
    #expect(try action { $0.trunkSID = "TK2" } == .restoreWebhook(expected))
    expected = was
    expected.applicationSID = "AP2"
    expected.trunkSID = ""
    #expect(try action { $0.applicationSID = "AP2" } == .restoreWebhook(expected))
    #expect(
      try action {
        $0 = VoiceSettings(
          voiceURL: theirs, fallbackURL: theirs, statusCallbackURL: theirs)
      } == .close(.done))
  }

  @Test func tellsWhatIsLeft() throws {
    var reading = try machine(.deleteNumber, former: former())
    _ = reading.resumed()
    var region = reading
    var webhook = reading
    #expect(reading.stepFailed(refused, mayHaveActed: false) == .close(.corrupted))
    #expect(
      reading.journal.leftovers
        == [leftover(.processingRegion, code: 20003), leftover(.webhook, code: 20003)])

    _ = region.presentRead(ours, region: .ie1)
    #expect(
      region.stepFailed(refused, mayHaveActed: true) == .restoreWebhook(Sample.voice))
    var rest = region
    #expect(region.stepFailed(refused, mayHaveActed: true) == .close(.corrupted))
    #expect(region.journal.leftovers.map(\.kind) == [.processingRegion, .webhook])
    #expect(rest.webhookRestored() == .close(.corrupted))
    #expect(rest.journal.leftovers == [leftover(.processingRegion, code: 20003)])

    _ = webhook.presentRead(ours, region: .ie1)
    _ = webhook.regionRestored()
    #expect(webhook.stepFailed(refused, mayHaveActed: true) == .close(.corrupted))
    #expect(webhook.journal.leftovers.map(\.kind) == [.webhook])
  }

  @Test func keepsTheFirstFailure() throws {
    var machine = try machine(.importNumber)
    _ = machine.resumed()
    _ = machine.formerRead(former())
    _ = machine.webhookWritten()
    _ = machine.stepFailed(ProvisioningFailure(cause: .invalidRequest), mayHaveActed: true)
    #expect(machine.stepFailed(refused, mayHaveActed: false) == .close(.corrupted))
    #expect(machine.journal.failure?.cause == .invalidRequest)
  }

  /// From every phase the work goes on, and restoring begins with a look.
  @Test func resumesFromEveryPhase() throws {
    let expected: [(ProvisioningPhase, ProvisioningStateMachine.Action)] = [
      (.readingFormer, .readFormer), (.writingWebhook, .writeWebhook(ours)),
      (.settingRegion, .setRegion(.ie1)), (.readingBack, .readBack),
      (.readingPresent, .readPresent), (.restoringRegion, .readPresent),
      (.restoringWebhook, .readPresent),
    ]
    for (phase, action) in expected {
      var journal = try machine(.importNumber, former: former()).journal
      journal.phase = phase
      var resumed = ProvisioningStateMachine(journal)
      #expect(resumed.resumed() == action)
    }
    #expect(expected.count == ProvisioningPhase.allCases.count - 1)
  }
}
