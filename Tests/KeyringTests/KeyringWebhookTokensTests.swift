import Buffers
import Crypto
import Telephony
import Testing

@testable import Keyring

struct KeyringWebhookTokensTests {
  let file: KeyringFile
  let number = PhoneNumberID(bits: 1)
  let call = CallID(region: .ie1, bits: 1)

  init() throws { file = try KeyringFile.generate() }

  @Test func tokensDifferBySubjectAndGeneration() {
    let tokens = KeyringWebhookTokens(file)
    let all = [
      tokens.token(forNumber: number, generation: 1),
      tokens.token(forNumber: number, generation: 2),
      tokens.token(forNumber: PhoneNumberID(bits: 2), generation: 1),
      tokens.token(forCall: call),
      tokens.token(forCall: CallID(region: .us1, bits: 1)),
    ]
    #expect(Set(all).count == all.count)
    #expect(tokens.token(forNumber: number, generation: 1) == all[0])
  }

  @Test func callTokenIsAcceptedForItsCallOnly() throws {
    let tokens = KeyringWebhookTokens(file)
    let token = tokens.token(forCall: call)
    #expect(tokens.accepts(token, forCall: call))
    #expect(!tokens.accepts(token, forCall: CallID(region: .ie1, bits: 2)))
    #expect(!tokens.accepts(tokens.token(forNumber: number, generation: 1), forCall: call))
  }

  @Test func tokenOfAnEarlierKeyIsStillAccepted() throws {
    let old = KeyringWebhookTokens(file).token(forCall: call)
    let oldNumber = KeyringWebhookTokens(file).token(forNumber: number, generation: 3)
    let fresh = Base64.encode(try RandomBytes.make(32))
    let rotated = try KeyringFile(parsing: "webhook webhook-2 \(fresh)\n" + file.text)
    let tokens = KeyringWebhookTokens(rotated)
    #expect(tokens.token(forCall: call) != old)
    #expect(tokens.accepts(old, forCall: call))
    #expect(tokens.accepts(oldNumber, forNumber: number, generation: 3))
    #expect(!tokens.accepts(oldNumber, forNumber: number, generation: 4))
  }
}
