import Registry
import StoreSQL
import Telephony
import TestKit
import Testing

/// Journal entries of before they were lists of steps are gone on with.
struct EarlierJournalTests {
  private typealias State = ProvisioningStep.State

  private let ours = VoiceSettings(voiceURL: "https://ours.test/1")
  private let former = FormerSettings(
    voice: Sample.voice, processingRegion: nil, recordedTime: Sample.start)

  private func text(_ value: some Encodable) -> String {
    String(decoding: StoredDocument.encode(value), as: UTF8.self)
  }

  /// An entry as it was stored then.
  private func read(
    _ kind: String, _ phase: String, outcome: String? = nil, leftovers: [String] = [],
    hasFormer: Bool = true
  ) throws -> ProvisioningJournal {
    let number = try Sample.number(1, provider: Sample.provider(1, region: .ie1))
    let left = leftovers.map { "{\"carrierCode\":20003,\"kind\":\"\($0)\",\"region\":\"ie1\"}" }
    var members = [
      "\"createTime\":\(text([Sample.start]).dropFirst().dropLast())",
      "\"id\":\"\(Sample.operationID(1))\"", "\"kind\":\"\(kind)\"",
      "\"leftovers\":[\(left.joined(separator: ","))]", "\"numberID\":\"\(number.id)\"",
      "\"ours\":\(text(ours))", "\"phase\":\"\(phase)\"", "\"region\":\"ie1\"",
      "\"revision\":3", "\"tenant\":\"\(number.tenant)\"",
      "\"updateTime\":\(text([Sample.time(5)]).dropFirst().dropLast())",
    ]
    if hasFormer { members.append("\"former\":\(text(former))") }
    if let outcome { members.append("\"outcome\":\"\(outcome)\"") }
    let document = "{\(members.joined(separator: ","))}"
    let journal = try StoredDocument.decode(ProvisioningJournal.self, Array(document.utf8))
    // It is stored in the present form from then on.
    let again = try StoredDocument.decode(
      ProvisioningJournal.self, StoredDocument.encode(journal))
    #expect(again == journal)
    #expect(journal.subject == .number(number.id) && journal.revision == 3)
    return journal
  }

  @Test func anImportGoesOn() throws {
    let places: [(String, ProvisioningPhase, [State])] = [
      ("writingWebhook", .doing, [.running, .pending, .pending]),
      ("settingRegion", .doing, [.done, .running, .pending]),
      ("readingBack", .doing, [.done, .done, .running]),
      ("readingPresent", .undoing, [.done, .done, .pending]),
      ("restoringRegion", .undoing, [.done, .done, .pending]),
      ("restoringWebhook", .undoing, [.done, .done, .pending]),
    ]
    for (phase, expected, states) in places {
      let journal = try read("importNumber", phase)
      #expect(journal.phase == expected, "\(phase)")
      #expect(journal.steps.map(\.state) == states, "\(phase)")
      #expect(journal.steps.map(\.kind) == [.webhook, .processingRegion, .readBack])
      #expect(journal.steps[0].ours == .voice(ours))
      #expect(journal.steps[0].former == .voice(Sample.voice))
      #expect(journal.steps[1].former == .region(nil))
    }
    let fresh = try read("importNumber", "readingFormer", hasFormer: false)
    #expect(fresh.phase == .looking)
    #expect(fresh.steps.allSatisfy { $0.former == nil && $0.state == .pending })
  }

  @Test func aDeletionGoesOn() throws {
    let first = try read("deleteNumber", "readingPresent")
    #expect(first.steps.map(\.kind) == [.processingRegion, .webhook])
    #expect(first.steps.map(\.aim) == [.restore, .restore])
    #expect(first.steps.map(\.state) == [.pending, .pending])
    let last = try read("deleteNumber", "restoringWebhook", leftovers: ["processingRegion"])
    #expect(last.phase == .doing)
    #expect(last.steps.map(\.state) == [.left, .running])
    #expect(last.leftovers.map(\.carrierCode) == [20003])
  }

  @Test func whatIsOverIsOver() throws {
    let done = try read("importNumber", "closed", outcome: "done")
    #expect(!done.isOpen && done.steps.map(\.state) == [.done, .done, .done])
    let left = try read(
      "importNumber", "closed", outcome: "corrupted", leftovers: ["webhook"])
    #expect(left.state == .failed && left.steps.map(\.state) == [.left, .undone, .pending])
  }
}
