internal import CallDispatch
internal import Crypto

/// HMAC-SHA-256 under the keyring's present webhook key: what is hashed for a webhook's path begins
/// otherwise. A token that was made under an earlier key has expired.
package struct KeyringTokenKey: TokenKey {
  private let keyring: LiveKeyring

  package init(_ keyring: LiveKeyring) { self.keyring = keyring }

  package func code(of bytes: [UInt8]) -> [UInt8] {
    guard let key = keyring.present.current(.webhook) else {
      preconditionFailure("a keyring without a webhook key was read")
    }
    return HMAC.code(key: key.bytes, message: bytes)
  }
}
