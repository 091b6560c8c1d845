import Testing

@testable import Telephony

/// The same bits every time.
private struct FixedBits: IDSource {
  var bits: UInt64 = .max
  func randomBits() -> UInt64 { bits }
}

struct IdentifierTests {
  private let time = Timestamp(microseconds: 1_700_000_000_123_456)

  @Test func isAUUIDOfVersion7() throws {
    let id = ProviderID(at: time, random: FixedBits())
    #expect(id.description == "prv_018bcfe5687b774bbfffffffffffffff")
    #expect(try ProviderID(id.description) == id)
  }

  @Test func laterIsGreaterWithinOneMillisecond() {
    let earlier = ProviderID(at: time, random: FixedBits(bits: .max))
    let later = ProviderID(
      at: Timestamp(microseconds: time.microseconds + 1), random: FixedBits(bits: 0))
    #expect(earlier < later)
  }

  @Test func refusesAnotherKind() {
    let id = PhoneNumberID(at: time, random: FixedBits())
    #expect(throws: IdentifierError.wrongPrefix(expected: "prv_")) {
      try ProviderID(id.description)
    }
    #expect(throws: IdentifierError.wrongPrefix(expected: "AC")) {
      try AccountSID("SK0123456789abcdef0123456789abcdef")
    }
  }

  @Test(arguments: [
    ("AC", IdentifierError.wrongLength(expected: 32)),
    ("AC0123456789abcdef0123456789abcde", .wrongLength(expected: 32)),
    ("AC0123456789abcdef0123456789abcdef0", .wrongLength(expected: 32)),
    ("AC0123456789ABCDEF0123456789abcdef", .wrongCharacter(allowed: "0-9 a-f")),
    ("AC0123456789abcdef0123456789abcd\u{0}f", .wrongCharacter(allowed: "0-9 a-f")),
  ])
  func refuses(text: String, error: IdentifierError) {
    #expect(throws: error) { try AccountSID(text) }
  }

  @Test func masksTheMiddle() throws {
    #expect(try APIKeySID("SK0123456789abcdef0123456789abcdef").masked == "SK****cdef")
  }

  @Test func callCarriesItsRegion() throws {
    let id = CallID(region: .ie1, at: time, random: FixedBits())
    #expect(id.description == "call_ie1_018bcfe5687b774bbfffffffffffffff")
    #expect(try CallID(id.description) == id)
    #expect(try CallID(id.description).region == .ie1)
    #expect(throws: IdentifierError.unknownRegion) {
      try CallID("call_eu1_018bcfe5687b774bbfffffffffffffff")
    }
    #expect(throws: IdentifierError.wrongPrefix(expected: "call_")) { try CallID("prv_1") }
    #expect(throws: IdentifierError.wrongLength(expected: 36)) { try CallID("call_us1") }
    #expect(throws: IdentifierError.wrongLength(expected: 32)) { try CallID("call_us1_") }
  }

  @Test(arguments: ["a", "front-desk_2", String(repeating: "z", count: 63)])
  func agentIDIsTheClientsChoice(text: String) throws {
    #expect(try AgentID(text).description == text)
  }

  @Test(arguments: ["", "A", "a b", "ä", "a/b", "a\u{0}", String(repeating: "z", count: 64)])
  func agentIDRefuses(text: String) {
    #expect(throws: IdentifierError.self) { try AgentID(text) }
  }

  @Test func madeAgentIDIsValid() throws {
    let id = AgentID(at: time, random: FixedBits())
    #expect(try AgentID(id.description) == id)
    #expect(id.kind == .agent)
  }

  @Test(arguments: [
    ("sph_a", AssigneeKind.softphone), ("sph_", .softphone), ("sph", .agent), ("sphere", .agent),
    ("a-sph_a", .agent),
  ])
  func theIDTellsASoftphone(text: String, kind: AssigneeKind) throws {
    #expect(try AgentID(text).kind == kind)
    let made = AgentID(.softphone, at: time, random: FixedBits())
    #expect(made.kind == .softphone)
    #expect(try AgentID(made.description) == made)
  }
}
