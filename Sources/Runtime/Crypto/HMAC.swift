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

  /// The SHA-256 code of `message` under a key of the keyring.
  package static func code(key: LockedBytes, message: [UInt8]) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: 32)
    unsafe write(key, message, &code)
    return code
  }

  /// A key of 32 bytes for one use, made from another: HKDF-Expand with SHA-256 (RFC 5869, section
  /// 2.3), whose single block it is. `key` is uniformly random, so that no extraction is needed.
  package static func derivedKey(from key: LockedBytes, info: [UInt8]) -> LockedBytes {
    LockedBytes(count: 32) { span in
      unsafe span.withUnsafeMutableBufferPointer { buffer in
        if let base = buffer.baseAddress { unsafe write(key, info + [1], base) }
      }
    }
  }

  /// Writes 32 bytes.
  private static func write(
    _ key: LockedBytes, _ message: [UInt8], _ code: UnsafeMutablePointer<UInt8>
  ) {
    var written: UInt32 = 0
    let done = unsafe key.withPointer { pointer in
      unsafe COpenSSL.HMAC(
        EVP_sha256(), pointer, Int32(key.count), message, message.count, code, &written) != nil
    }
    precondition(done && written == 32, "HMAC failed; only lack of memory does that")
  }
}

/// Whether `left` and `right` are equal, in a time that depends only on their lengths.
package func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  guard left.count == right.count else { return false }
  guard !left.isEmpty else { return true }
  return unsafe CRYPTO_memcmp(left, right, left.count) == 0
}
