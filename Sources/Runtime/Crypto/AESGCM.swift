internal import COpenSSL

/// AES-256-GCM (NIST SP 800-38D): secret bytes that can be neither read nor changed without the
/// key.
package enum AESGCM {
  package static let keySize = 32
  package static let nonceSize = 12
  package static let tagSize = 16

  /// Seals `plaintext`: a fresh random nonce, the ciphertext, the tag, in this order.
  ///
  /// `associated` is authenticated but not stored; ``open(_:key:associated:)`` must be given the
  /// same bytes, which binds a secret to the row it belongs to. With random 96-bit nonces a key may
  /// seal 2^32 times (SP 800-38D section 8.3).
  package static func seal(
    _ plaintext: [UInt8], key: LockedBytes, associated: [UInt8]
  ) throws(CryptoError) -> [UInt8] {
    let nonce = try RandomBytes.make(nonceSize)
    return try seal(plaintext, key: key, associated: associated, nonce: nonce)
  }

  /// Seals a key under another.
  package static func seal(
    _ plaintext: LockedBytes, key: LockedBytes, associated: [UInt8]
  ) throws(CryptoError) -> [UInt8] {
    let nonce = try RandomBytes.make(nonceSize)
    let cipher = try Cipher(.seal, key: key, nonce: nonce.span)
    try cipher.authenticate(associated)
    let ciphertext = try cipher.update(plaintext)
    guard cipher.finish() else { throw .library(operation: "EVP_EncryptFinal_ex") }
    return nonce + ciphertext + (try cipher.tag())
  }

  /// Seals with a given nonce, for tests against published vectors.
  static func seal(
    _ plaintext: [UInt8], key: LockedBytes, associated: [UInt8], nonce: [UInt8]
  ) throws(CryptoError) -> [UInt8] {
    precondition(nonce.count == nonceSize, "nonce of \(nonce.count) bytes")
    let cipher = try Cipher(.seal, key: key, nonce: nonce.span)
    try cipher.authenticate(associated)
    let ciphertext = try cipher.update(plaintext.span)
    guard cipher.finish() else { throw .library(operation: "EVP_EncryptFinal_ex") }
    return nonce + ciphertext + (try cipher.tag())
  }

  /// Opens what ``seal(_:key:associated:)`` made. Throws ``CryptoError/notAuthentic`` otherwise.
  package static func open(
    _ sealed: [UInt8], key: LockedBytes, associated: [UInt8]
  ) throws(CryptoError) -> [UInt8] {
    guard sealed.count >= nonceSize + tagSize else { throw .notAuthentic }
    let cipher = try Cipher(.open, key: key, nonce: sealed.span.extracting(first: nonceSize))
    try cipher.authenticate(associated)
    var plaintext = try cipher.update(
      sealed.span.extracting(nonceSize..<(sealed.count - tagSize)))
    try cipher.setTag(Array(sealed.suffix(tagSize)))
    guard cipher.finish() else {
      plaintext.wipe()
      throw .notAuthentic
    }
    return plaintext
  }

  /// Opens a key that was sealed under another.
  package static func openKey(
    _ sealed: [UInt8], key: LockedBytes, associated: [UInt8]
  ) throws(CryptoError) -> LockedBytes {
    guard sealed.count == nonceSize + keySize + tagSize else { throw .notAuthentic }
    let cipher = try Cipher(.open, key: key, nonce: sealed.span.extracting(first: nonceSize))
    try cipher.authenticate(associated)
    let ciphertext = Array(sealed[nonceSize..<(nonceSize + keySize)])
    let opened = try LockedBytes(count: keySize) { span throws(CryptoError) in
      try cipher.update(ciphertext, into: &span)
    }
    try cipher.setTag(Array(sealed.suffix(tagSize)))
    guard cipher.finish() else { throw .notAuthentic }
    return opened
  }
}

/// One use of a cipher. Owns the `EVP_CIPHER_CTX` and frees it exactly once, which wipes the key's
/// schedule.
@safe private final class Cipher {
  enum Direction: Int32 {
    case open = 0
    case seal = 1
  }

  /// Found once: by its short name libcrypto looks it up for each use, which takes longer than to
  /// open a row (crypto(7), "Performance"). It is constant.
  nonisolated(unsafe) private static let algorithm = unsafe EVP_CIPHER_fetch(
    nil, "AES-256-GCM", nil)

  private let context: OpaquePointer

  init(_ direction: Direction, key: LockedBytes, nonce: Span<UInt8>) throws(CryptoError) {
    precondition(key.count == AESGCM.keySize, "key of \(key.count) bytes")
    guard let context = unsafe EVP_CIPHER_CTX_new() else {
      throw .library(operation: "EVP_CIPHER_CTX_new")
    }
    unsafe self.context = context
    let done = unsafe nonce.withUnsafeBufferPointer { nonce in
      unsafe key.withPointer { key in
        unsafe EVP_CipherInit_ex(
          context, Self.algorithm, nil, key, nonce.baseAddress, direction.rawValue)
      }
    }
    guard done == 1 else { throw .library(operation: "EVP_CipherInit_ex") }
  }

  deinit { unsafe EVP_CIPHER_CTX_free(context) }

  func authenticate(_ associated: [UInt8]) throws(CryptoError) {
    guard !associated.isEmpty else { return }
    var written: Int32 = 0
    let size = Int32(associated.count)
    guard unsafe EVP_CipherUpdate(context, nil, &written, associated, size) == 1 else {
      throw .library(operation: "EVP_CipherUpdate")
    }
  }

  func update(_ input: Span<UInt8>) throws(CryptoError) -> [UInt8] {
    guard !input.isEmpty else { return [] }
    var output = [UInt8](repeating: 0, count: input.count)
    var written: Int32 = 0
    let done = unsafe input.withUnsafeBufferPointer { input in
      unsafe EVP_CipherUpdate(context, &output, &written, input.baseAddress, Int32(input.count))
    }
    guard done == 1, Int(written) == input.count else {
      throw .library(operation: "EVP_CipherUpdate")
    }
    return output
  }

  func update(_ input: LockedBytes) throws(CryptoError) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: input.count)
    var written: Int32 = 0
    let done = unsafe input.withPointer { input in
      unsafe EVP_CipherUpdate(context, &output, &written, input, Int32(output.count))
    }
    guard done == 1, Int(written) == input.count else {
      throw .library(operation: "EVP_CipherUpdate")
    }
    return output
  }

  func update(_ input: [UInt8], into output: inout MutableSpan<UInt8>) throws(CryptoError) {
    precondition(input.count == output.count, "output of \(output.count) bytes")
    var written: Int32 = 0
    let done = unsafe output.withUnsafeMutableBufferPointer { buffer in
      unsafe EVP_CipherUpdate(
        context, buffer.baseAddress, &written, input, Int32(input.count))
    }
    guard done == 1, Int(written) == input.count else {
      throw .library(operation: "EVP_CipherUpdate")
    }
  }

  /// Ends the operation; false when the tag did not match.
  func finish() -> Bool {
    var rest = [UInt8](repeating: 0, count: AESGCM.tagSize)
    var written: Int32 = 0
    return unsafe EVP_CipherFinal_ex(context, &rest, &written) == 1
  }

  func tag() throws(CryptoError) -> [UInt8] {
    var tag = [UInt8](repeating: 0, count: AESGCM.tagSize)
    let size = Int32(tag.count)
    guard unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, size, &tag) == 1 else {
      throw .library(operation: "EVP_CTRL_AEAD_GET_TAG")
    }
    return tag
  }

  func setTag(_ tag: [UInt8]) throws(CryptoError) {
    var tag = tag
    let size = Int32(tag.count)
    guard unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, size, &tag) == 1 else {
      throw .library(operation: "EVP_CTRL_AEAD_SET_TAG")
    }
  }
}
