import Buffers
import Crypto
import Telephony
import Testing

@testable import Keyring

struct KeyringTrunkCredentialsTests {
  let file: KeyringFile
  let number = PhoneNumberID(bits: 1)

  init() throws { file = try KeyringFile.generate() }

  private func credentials(_ file: KeyringFile) -> KeyringTrunkCredentials {
    KeyringTrunkCredentials(LiveKeyring(file))
  }

  @Test func meetsTheCarriersRules() throws {
    let credentials = credentials(file)
    let user = credentials.username(for: number, generation: 1)
    #expect(user.count == 27 && user.count <= 32)
    let password = try #require(credentials.password(of: user, for: number, generation: 1))
    let text = String(decoding: password.revealed, as: UTF8.self)
    #expect(text.count == 43)
    #expect(text.contains { $0.isUppercase } && text.contains { $0.isLowercase })
    #expect(text.contains { $0.isNumber })
    #expect(!text.contains(user.suffix(24)))
  }

  @Test func differsByNumberAndGeneration() throws {
    let credentials = credentials(file)
    let other = PhoneNumberID(bits: 2)
    let users = [
      credentials.username(for: number, generation: 1),
      credentials.username(for: number, generation: 2),
      credentials.username(for: other, generation: 1),
    ]
    #expect(Set(users).count == 3)
    #expect(credentials.password(of: users[0], for: number, generation: 1) != nil)
    #expect(credentials.password(of: users[0], for: number, generation: 2) == nil)
    #expect(credentials.password(of: users[0], for: other, generation: 1) == nil)
    #expect(credentials.password(of: "", for: number, generation: 1) == nil)
  }

  /// Twilio's trunk and the gateway's have one password, also while the key is changed.
  @Test func knowsThePasswordOfAnEarlierKey() throws {
    let old = credentials(file)
    let user = old.username(for: number, generation: 1)
    let password = old.password(of: user, for: number, generation: 1)
    let fresh = Base64.encode(try RandomBytes.make(32))
    let rotated = credentials(
      try KeyringFile(parsing: "webhook webhook-2 \(fresh)\n" + file.text))
    #expect(rotated.username(for: number, generation: 1) != user)
    #expect(rotated.password(of: user, for: number, generation: 1) == password)
    let replaced = credentials(try KeyringFile.generate())
    #expect(replaced.password(of: user, for: number, generation: 1) == nil)
  }
}
