import Telephony
import Testing

@testable import CallDispatch

@Suite struct ReachabilityTests {
  private static let nonce = "0123456789abcdef0123456789abcdef"

  @Test func aChallengeIsItsPath() throws {
    let challenge = try #require(ReachabilityChallenge(region: .ie1, nonce: Self.nonce))
    #expect(challenge.path == "/v1/reachability/ie1/\(Self.nonce)")
    #expect(ReachabilityChallenge(path: challenge.path) == challenge)
    #expect(WebhookPath(challenge.path) == nil)
  }

  @Test(arguments: [
    "", "/", "/v1/reachability", "/v1/reachability/", "/v1/reachability/us1",
    "/v1/reachability/us1/", "/v1/reachability/us2/0123456789abcdef0123456789abcdef",
    "/v1/reachability/us1/0123456789abcdef0123456789abcde",
    "/v1/reachability/us1/0123456789ABCDEF0123456789abcdef",
    "/v1/reachability/us1/0123456789abcdef0123456789abcdef/",
    "/v1/reachability//us1/0123456789abcdef0123456789abcdef",
    "/x/v1/reachability/us1/0123456789abcdef0123456789abcdef",
  ])
  func whatIsNoChallenge(_ path: String) {
    #expect(ReachabilityChallenge(path: path) == nil)
  }

  @Test func anAnswerIsItsBody() {
    let answer = ReachabilityAnswer(ofKeyring: "ab", ofURL: "cd")
    #expect(ReachabilityAnswer(body: Array(answer.body.utf8)) == answer)
  }

  @Test(arguments: [
    "", "ok", "trunkline-reachability a", "hello a b", "trunkline-reachability a b c",
  ])
  func whatIsNoAnswer(_ body: String) {
    #expect(ReachabilityAnswer(body: Array(body.utf8)) == nil)
    let long = body + String(repeating: " ", count: 1000)
    #expect(ReachabilityAnswer(body: Array(long.utf8)) == nil)
  }
}
