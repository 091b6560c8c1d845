import Access
import Telephony
import Testing

private final class CountingBits: IDSource {
  let seed: UInt64
  init(_ seed: UInt64) { self.seed = seed }
  func randomBits() -> UInt64 { seed }
}

@Suite struct TokenTextTests {
  private let text = TokenText(
    id: APITokenID(bits: 0x0190_1234_5678_7abc_8def_0123_4567_89ab),
    random: CountingBits(0xfedc_ba98_7654_3210))

  /// The check digits were computed with Python's zlib.crc32 and base64.
  @Test func hasTheFormThatIsPromised() {
    #expect(
      text.revealed
        == "trk_0190123456787abc8def0123456789ab_"
        + "_ty6mHZUMhD-3LqYdlQyEP7cuph2VDIQ_ty6mHZUMhA" + "cUWZYA")
    #expect(text.revealed.utf8.count == TokenText.length)
  }

  @Test func comesBack() throws {
    for _ in 0..<100 {
      let id = APITokenID(at: Timestamp(milliseconds: 1_800_000_000_000), random: SystemIDSource())
      let made = TokenText(id: id, random: SystemIDSource())
      #expect(try TokenText(parsing: made.revealed) == made)
    }
  }

  @Test func everyChangedCharacterIsRefused() {
    let good = Array(text.revealed.utf8)
    for index in good.indices {
      for other in [UInt8(ascii: "0"), UInt8(ascii: "A"), UInt8(ascii: "_"), UInt8(ascii: "%")]
      where other != good[index] {
        var bad = good
        bad[index] = other
        #expect(throws: TokenTextError.self) {
          try TokenText(parsing: String(decoding: bad, as: UTF8.self))
        }
      }
    }
  }

  @Test func otherLengthsAreRefused() {
    let good = text.revealed
    for length in 0..<good.utf8.count {
      #expect(throws: TokenTextError.malformed) {
        try TokenText(parsing: String(good.prefix(length)))
      }
    }
    #expect(throws: TokenTextError.malformed) { try TokenText(parsing: good + "A") }
    #expect(throws: TokenTextError.malformed) { try TokenText(parsing: "Ä" + good.dropFirst(2)) }
  }

  @Test func noDescriptionShowsTheSecret() {
    let shown = "\(text)" + String(reflecting: text) + "\(Mirror(reflecting: text).children.count)"
    #expect(!shown.contains("_ty6"))
    #expect(shown.contains("tok_0190123456787abc8def0123456789ab"))
    var dumped = ""
    dump(text, to: &dumped)
    #expect(!dumped.contains("_ty6") && !dumped.contains("220"))
  }
}

@Suite struct APITokenTests {
  private func token(expires: Timestamp?, revoked: Timestamp? = nil) -> APIToken {
    APIToken(
      id: APITokenID(bits: 1), tenant: .main, displayName: "one", scopes: Scopes(.admin),
      hash: TokenHash([UInt8](repeating: 3, count: 32)), createTime: Timestamp(milliseconds: 1),
      expireTime: expires, revokeTime: revoked, creator: .system)
  }

  @Test func expiresAtItsTimeAndNotBefore() throws {
    let grant = try #require(token(expires: Timestamp(milliseconds: 5)).grant)
    #expect(!grant.isExpired(at: Timestamp(microseconds: 4999)))
    #expect(grant.isExpired(at: Timestamp(milliseconds: 5)))
    let eternal = try #require(token(expires: nil).grant)
    #expect(!eternal.isExpired(at: Timestamp(microseconds: .max)))
  }

  @Test func aRevokedTokenGrantsNothing() {
    #expect(token(expires: nil, revoked: Timestamp(milliseconds: 2)).grant == nil)
  }

  @Test func hashesMatchWhenEveryByteDoes() {
    let bytes = [UInt8](0..<32)
    #expect(TokenHash(bytes).matches(TokenHash(bytes)))
    for index in bytes.indices {
      var other = bytes
      other[index] ^= 1
      #expect(!TokenHash(bytes).matches(TokenHash(other)))
    }
    #expect("\(TokenHash(bytes))" == "<hash>")
  }
}
