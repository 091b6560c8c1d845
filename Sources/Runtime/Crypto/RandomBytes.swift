internal import COpenSSL

/// Unpredictable bytes for keys, nonces and tokens.
package enum RandomBytes {
  /// `count` bytes from libcrypto's generator.
  package static func make(_ count: Int) throws(CryptoError) -> [UInt8] {
    precondition(count >= 0 && count <= countMax, "\(count) random bytes; at most \(countMax)")
    var bytes = [UInt8](repeating: 0, count: count)
    guard unsafe RAND_bytes(&bytes, Int32(count)) == 1 else {
      throw .library(operation: "RAND_bytes")
    }
    return bytes
  }

  /// More at once is a mistake of the caller.
  package static let countMax = 1 << 20
}
