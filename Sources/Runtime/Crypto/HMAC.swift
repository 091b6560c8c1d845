internal import COpenSSL

/// Keyed-hash message authentication (RFC 2104).
package enum HMAC {
  /// The hash beneath. SHA-1 is here only because X-Twilio-Signature is defined with it.
  package enum Hash: Hashable, Sendable {
    case sha1
    case sha256
  }

  /// The code of `message` under `key`: 20 bytes with SHA-1, 32 with SHA-256.
  package static func code(_ hash: Hash, key: [UInt8], message: [UInt8]) -> [UInt8] {
    let size =
      switch hash {
      case .sha1: 20
      case .sha256: 32
      }
    let algorithm = unsafe hash == .sha1 ? EVP_sha1() : EVP_sha256()
    var code = [UInt8](repeating: 0, count: size)
    var written: UInt32 = 0
    // libcrypto refuses a nil key even of no bytes.
    let storage = key.isEmpty ? [0] : key
    let done = unsafe COpenSSL.HMAC(
      algorithm, storage, Int32(key.count), message, message.count, &code, &written)
    precondition(
      unsafe done != nil && Int(written) == size, "HMAC failed; only lack of memory does that")
    return code
  }
}

/// Whether `left` and `right` are equal, in a time that depends only on their lengths.
package func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  guard left.count == right.count else { return false }
  guard !left.isEmpty else { return true }
  return unsafe CRYPTO_memcmp(left, right, left.count) == 0
}
