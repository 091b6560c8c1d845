import Access
import Telephony
import Testing

@Suite struct TokenDirectoryTests {
  private func grant(_ number: UInt128, _ byte: UInt8 = 0) -> TokenGrant {
    TokenGrant(
      id: APITokenID(bits: number), tenant: .main, scopes: Scopes(.admin),
      hash: TokenHash([UInt8](repeating: byte, count: 32)), expireTime: nil)
  }

  @Test func whatIsPutInIsFoundUntilItIsRemoved() {
    let directory = TokenDirectory()
    for number in 1...5 { directory.put(grant(UInt128(number))) }
    directory.put(grant(3, 9))
    #expect(directory.count == 5)
    #expect(directory.grant(APITokenID(bits: 3)) == grant(3, 9))
    directory.remove(APITokenID(bits: 1))
    directory.remove(APITokenID(bits: 5))
    directory.remove(APITokenID(bits: 77))
    let found = (1...5).map { directory.grant(APITokenID(bits: UInt128($0))) != nil }
    #expect(found == [false, true, true, true, false])
    directory.replaceAll([grant(8)])
    #expect(directory.count == 1 && directory.grant(APITokenID(bits: 3)) == nil)
    #expect(directory.grant(APITokenID(bits: 8)) == grant(8))
  }

  @Test func itNeverHoldsMoreThanItsBoundAndKeepsTheNewest() {
    let directory = TokenDirectory(capacity: 3)
    for number in 1...20 {
      directory.put(grant(UInt128(number)))
      #expect(directory.count <= 3)
      #expect(directory.grant(APITokenID(bits: UInt128(number))) != nil)
      if number.isMultiple(of: 4) { directory.remove(APITokenID(bits: UInt128(number - 1))) }
    }
  }

  /// A look-up that began before a revocation must not bring the token back.
  @Test func aLookUpThatARevocationOvertookPutsNothingIn() {
    let directory = TokenDirectory()
    let mark = directory.mark
    directory.remove(APITokenID(bits: 1))
    directory.put(grant(1), lookedUpAt: mark)
    #expect(directory.grant(APITokenID(bits: 1)) == nil)
    directory.put(grant(1), lookedUpAt: directory.mark)
    #expect(directory.grant(APITokenID(bits: 1)) != nil)
  }

  @Test func aUseIsToldOnceAMinute() {
    let directory = TokenDirectory()
    let id = APITokenID(bits: 1)
    let start = Timestamp(milliseconds: 1000)
    #expect(directory.notesUse(of: id, at: start))
    #expect(!directory.notesUse(of: id, at: start.advanced(by: .seconds(59))))
    #expect(directory.notesUse(of: APITokenID(bits: 2), at: start))
    #expect(directory.notesUse(of: id, at: start.advanced(by: .seconds(60))))
    // The clock was set back: better one write more than none for an hour.
    #expect(directory.notesUse(of: id, at: start))
  }
}

@Suite struct TokenBucketsTests {
  private let start = ContinuousClock.now

  @Test func aBurstPassesThenTheRateDoes() {
    var buckets = TokenBuckets<String>(ratePerSecond: 2, burst: 3, keyCountMax: 10)
    for _ in 0..<3 { #expect(buckets.take("a", at: start) == nil) }
    #expect(buckets.take("a", at: start) == .milliseconds(500))
    #expect(buckets.take("b", at: start) == nil)
    #expect(buckets.take("a", at: start.advanced(by: .milliseconds(499))) != nil)
    #expect(buckets.take("a", at: start.advanced(by: .milliseconds(500))) == nil)
    #expect(buckets.wait("a", at: start.advanced(by: .milliseconds(750))) == .milliseconds(250))
    #expect(buckets.wait("a", at: start.advanced(by: .seconds(1))) == nil)
    // It never holds more than its burst.
    let later = start.advanced(by: .seconds(3600))
    for _ in 0..<3 { #expect(buckets.take("a", at: later) == nil) }
    #expect(buckets.take("a", at: later) != nil)
  }

  @Test func keysAreBounded() {
    var buckets = TokenBuckets<Int>(ratePerSecond: 1, burst: 1, keyCountMax: 4)
    for key in 0..<100 {
      #expect(buckets.take(key, at: start) == nil)
      #expect(buckets.keyCount <= 4)
    }
  }

  @Test func idleKeysMakeRoomFirst() {
    var buckets = TokenBuckets<String>(ratePerSecond: 1, burst: 2, keyCountMax: 2)
    #expect(buckets.take("busy", at: start.advanced(by: .seconds(5))) == nil)
    #expect(buckets.take("busy", at: start.advanced(by: .seconds(5))) == nil)
    #expect(buckets.take("idle", at: start) == nil)
    #expect(buckets.take("new", at: start.advanced(by: .seconds(5))) == nil)
    #expect(buckets.take("busy", at: start.advanced(by: .seconds(5))) != nil)
  }
}

@Suite struct IdentityTableTests {
  private let agent = "spiffe://cluster/ns/voice/sa/agent"

  @Test func namesAreMappedExactly() throws {
    let table = try IdentityTable(
      parsing: """
        # who may call

        \(agent)\tten_0190123456787abc8def0123456789ab  numbers:read,calls:place
        registry.example main admin\r
        """)
    #expect(table.count == 2)
    let found = try #require(table.match(["other", agent]))
    #expect(found.name == agent)
    #expect(found.entry.scopes == Scopes([.numbersRead, .callsPlace]))
    #expect(found.entry.tenant.description == "ten_0190123456787abc8def0123456789ab")
    #expect(table.match(["registry.example"])?.entry.tenant == .main)
    #expect(table.match([agent + "/x", "spiffe://cluster", ""]) == nil)
  }

  @Test(arguments: [
    ("a main", "expected"), ("a main admin extra", "expected"), ("a ten_1 admin", "no tenant"),
    ("a main root", "no scope"), ("a main admin,", "no scope"),
    ("a main admin\na main admin", "twice"),
  ])
  func mistakesAreNamedWithTheirLine(_ text: String, _ problem: String) {
    let error = #expect(throws: IdentityTableError.self) {
      try IdentityTable(parsing: "\n" + text)
    }
    #expect(error?.line == text.split(separator: "\n").count + 1)
    #expect(error?.problem.contains(problem) == true)
  }
}
