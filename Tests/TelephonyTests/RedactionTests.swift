import Testing

@testable import Telephony

@Suite struct RedactionTests {
  @Test func hidesNumbersAndLongWords() {
    #expect(
      Redaction.redact("Call is not in-progress. (21220)") == "Call is not in-progress. (***)")
    #expect(Redaction.redact("+1 202-555-0123!\u{1}") == "+1 ***! ")
    #expect(Redaction.redact(String(repeating: "a", count: 24)) == "***")
    #expect(Redaction.redact(String(repeating: "a ", count: 400)).count == Redaction.lengthMax)
  }
}
