import Buffers
import CallDispatch
import Crypto
import Telephony
import Testing

@testable import Keyring

struct KeyringReachabilityTests {
  private static let url = "https://hooks.example.com"
  private let file: KeyringFile
  private let challenge: ReachabilityChallenge

  init() throws {
    file = try KeyringFile.generate()
    challenge = try #require(
      ReachabilityChallenge(region: .us1, nonce: String(repeating: "a1", count: 16)))
  }

  private func reachability(_ file: KeyringFile) -> KeyringReachability {
    KeyringReachability(LiveKeyring(file))
  }

  @Test func whoHasTheKeyringAndTheURLIsKnown() {
    let answer = reachability(file).answer(to: challenge, publicURL: Self.url)
    let judged = reachability(file).judge(answer, to: challenge, publicURL: Self.url)
    #expect(judged.isOurs && judged.hasSameURL)
  }

  @Test(arguments: ["https://other.example.com", nil])
  func anotherURLIsToldFromAnotherKeyring(_ url: String?) {
    let answer = reachability(file).answer(to: challenge, publicURL: url)
    let judged = reachability(file).judge(answer, to: challenge, publicURL: Self.url)
    #expect(judged.isOurs && !judged.hasSameURL)
  }

  @Test func anotherKeyringProvesNothing() throws {
    let answer = reachability(try KeyringFile.generate()).answer(
      to: challenge, publicURL: Self.url)
    let judged = reachability(file).judge(answer, to: challenge, publicURL: Self.url)
    #expect(!judged.isOurs && !judged.hasSameURL)
  }

  @Test func anAnswerIsGoodForItsChallengeOnly() throws {
    let other = try #require(
      ReachabilityChallenge(region: .us1, nonce: String(repeating: "b2", count: 16)))
    let elsewhere = try #require(
      ReachabilityChallenge(region: .ie1, nonce: challenge.nonce))
    let answer = reachability(file).answer(to: challenge, publicURL: Self.url)
    for asked in [other, elsewhere] {
      #expect(!reachability(file).judge(answer, to: asked, publicURL: Self.url).isOurs)
    }
  }

  @Test func aProcessWithTheNextKeyIsOursToo() throws {
    let fresh = Base64.encode(try RandomBytes.make(32))
    let rotated = try KeyringFile(parsing: "webhook webhook-2 \(fresh)\n" + file.text)
    // The dispatch has still the one before, and the other way about.
    let early = reachability(file).answer(to: challenge, publicURL: Self.url)
    #expect(reachability(rotated).judge(early, to: challenge, publicURL: Self.url).hasSameURL)
  }

  @Test func whatIsProvedIsNoWebhooksToken() {
    let answer = reachability(file).answer(to: challenge, publicURL: nil)
    let key = file.keys.first { $0.purpose == .webhook }
    let plain = key.map { HMAC.code(key: $0.bytes, message: Array("\(challenge.path) ".utf8)) }
    #expect(plain.map { Hex.encode($0) } != answer.ofKeyring)
  }
}
