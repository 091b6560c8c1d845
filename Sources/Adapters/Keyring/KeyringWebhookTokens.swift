package import CallDispatch
internal import Crypto
package import Telephony

/// Makes and checks the unguessable tokens in webhook paths: HMAC-SHA-256 under the keyring's
/// webhook keys, cut to 128 bits.
package struct KeyringWebhookTokens: WebhookTokens {
  private let keyring: LiveKeyring

  package init(_ keyring: LiveKeyring) { self.keyring = keyring }

  package init(_ file: KeyringFile) { self.init(LiveKeyring(file)) }

  /// The current key first.
  private var keys: [LockedBytes] {
    let keys = keyring.present.keys.filter { $0.purpose == .webhook }.map(\.bytes)
    precondition(!keys.isEmpty, "a keyring without a webhook key was read")
    return keys
  }

  package func token(forNumber number: PhoneNumberID, generation: UInt32) -> WebhookToken {
    Self.token(keys[0], "number/\(number)/\(generation)")
  }

  package func token(forCall call: CallID) -> WebhookToken {
    Self.token(keys[0], "call/\(call)")
  }

  package func accepts(
    _ token: WebhookToken, forNumber number: PhoneNumberID, generation: UInt32
  ) -> Bool {
    accepts(token, "number/\(number)/\(generation)")
  }

  package func accepts(_ token: WebhookToken, forCall call: CallID) -> Bool {
    accepts(token, "call/\(call)")
  }

  private func accepts(_ token: WebhookToken, _ subject: String) -> Bool {
    var isAccepted = false
    for key in keys {
      let expected = Self.bytes(key, subject)
      if constantTimeEquals(token.bytes, expected) { isAccepted = true }
    }
    return isAccepted
  }

  private static func token(_ key: LockedBytes, _ subject: String) -> WebhookToken {
    let bits = bytes(key, subject).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    return WebhookToken(bits: bits)
  }

  private static func bytes(_ key: LockedBytes, _ subject: String) -> [UInt8] {
    Array(HMAC.code(key: key, message: Array(subject.utf8)).prefix(16))
  }
}

extension WebhookToken {
  fileprivate var bytes: [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: bits >> UInt128(8 * (15 - $0))) }
  }
}
