internal import Crypto
internal import Registry
package import Telephony

/// What gateways authenticate with at carriers' trunks: HMAC-SHA-256 under the keyring's webhook
/// keys, of texts that begin otherwise than those of webhook paths.
///
/// The user name tells which key made the password, so that a work that goes on after the key was
/// changed still knows it.
package struct KeyringTrunkCredentials: TrunkCredentials {
  private let keyring: LiveKeyring

  package init(_ keyring: LiveKeyring) { self.keyring = keyring }

  /// The current key first.
  private var keys: [LockedBytes] {
    keyring.present.keys.filter { $0.purpose == .webhook }.map(\.bytes)
  }

  package func username(for number: PhoneNumberID, generation: UInt32) -> String {
    guard let key = keys.first else {
      preconditionFailure("a keyring without a webhook key was read")
    }
    return Self.username(key, number, generation)
  }

  package func password(
    of username: String, for number: PhoneNumberID, generation: UInt32
  ) -> Secret? {
    let key = keys.first {
      constantTimeEquals(
        Array(Self.username($0, number, generation).utf8), Array(username.utf8))
    }
    // The carrier wants a capital, a small letter and a digit; the rest is 160 bits.
    return key.map { Secret("Tk0\(Self.code($0, "trunk-password", number, generation, 20))") }
  }

  private static func username(
    _ key: LockedBytes, _ number: PhoneNumberID, _ generation: UInt32
  ) -> String {
    "tl-\(code(key, "trunk-username", number, generation, 12))"
  }

  private static func code(
    _ key: LockedBytes, _ use: String, _ number: PhoneNumberID, _ generation: UInt32,
    _ count: Int
  ) -> String {
    let code = HMAC.code(key: key, message: Array("\(use)/\(number)/\(generation)".utf8))
    return code.prefix(count).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0\(digits)" : digits
    }.joined()
  }
}
