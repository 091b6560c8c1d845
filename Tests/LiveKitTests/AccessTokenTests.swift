import Buffers
import Crypto
import Registry
import Telephony
import Testing

@testable import LiveKit

@Suite struct AccessTokenTests {
  private let now = Timestamp(milliseconds: 1_700_000_000_900)

  private func parts(_ token: String) throws -> [String] {
    try token.split(separator: ".").prefix(2).map { part in
      String(decoding: try #require(Base64.decode(part.utf8, .exact)), as: UTF8.self)
    }
  }

  @Test func saysWhoAsksForHowLongAndForWhat() throws {
    let token = AccessToken.make(.sipAdmin, Sample.access, now: now)
    #expect(
      try parts(token) == [
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "{\"iss\":\"APIfrontdesk\",\"nbf\":1700000000,\"exp\":1700000060,\"sip\":{\"admin\":true}}",
      ])
  }

  @Test func isSignedWithTheSecret() throws {
    let token = AccessToken.make(.sipAdmin, Sample.access, now: now)
    let split = try #require(token.lastIndex(of: "."))
    let code = HMAC.code(
      .sha256, key: Array("s3cret".utf8), message: Array(token[..<split].utf8))
    #expect(token[token.index(after: split)...] == Base64.encode(code, .urlSafe))
    #expect(!token.contains("="))
  }

  @Test func aKeyCannotSayMore() throws {
    let access = GatewayAccess(
      url: "", apiKey: "a\",\"exp\":9,\"x\":\"", apiSecret: Secret("s"))
    let claims = try parts(AccessToken.make(.sipAdmin, access, now: now))[1]
    #expect(claims.hasPrefix("{\"iss\":\"a\\\",\\\"exp\\\":9,\\\"x\\\":\\\"\",\"nbf\""))
  }
}
