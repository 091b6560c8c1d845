internal import Buffers
internal import COpenSSL
internal import Glibc

/// One X.509 certificate. Owns a reference to the `X509`.
@safe final class Certificate {
  let handle: OpaquePointer

  init(takingOwnershipOf handle: OpaquePointer) { unsafe self.handle = handle }

  deinit { unsafe X509_free(handle) }

  /// The last second in which it is valid, in seconds since 1970.
  var expiry: Int64 { unsafe Self.seconds(X509_get0_notAfter(handle)) }

  /// `Int64.min` for a time that is none.
  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
    var parts = unsafe tm()
    guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return .min }
    return Int64(unsafe timegm(&parts))
  }
}

/// Reads PEM (RFC 7468).
enum PEM {
  /// How many certificates one PEM may hold: several times as many as a system's list of roots.
  static let certificateCountMax = 1000

  /// All certificates of `pem`, at least one.
  static func certificates(_ pem: [UInt8], _ part: TLSPart) throws(TLSError) -> [Certificate] {
    let bytes = MemoryBIO(pem)
    var certificates: [Certificate] = []
    LibraryError.clear()
    while let handle = unsafe PEM_read_bio_X509(bytes.handle, nil, nil, nil) {
      certificates.append(unsafe Certificate(takingOwnershipOf: handle))
      guard certificates.count <= certificateCountMax else {
        throw .tooManyCertificates(part, limit: certificateCountMax)
      }
    }
    let error = LibraryError.take()
    guard error.library == ERR_LIB_PEM, error.reason == PEM_R_NO_START_LINE else {
      throw .malformed(part, reason: error.text)
    }
    if certificates.isEmpty { throw .missing(part) }
    return certificates
  }

  /// The private key of `pem`.
  static func privateKey(_ pem: [UInt8]) throws(TLSError) -> PrivateKey {
    // OpenSSL says "unsupported" to all three.
    guard contains(pem, "PRIVATE KEY-----") else { throw .missing(.privateKey) }
    if contains(pem, "BEGIN ENCRYPTED") || contains(pem, "Proc-Type: 4,ENCRYPTED") {
      throw .encryptedKey
    }
    let bytes = MemoryBIO(pem)
    LibraryError.clear()
    let key = unsafe PEM_read_bio_PrivateKey(bytes.handle, nil, passphraseAsked, nil)
    if let key = unsafe key { return unsafe PrivateKey(takingOwnershipOf: key) }
    throw .malformed(.privateKey, reason: LibraryError.take().text)
  }

  private static func contains(_ pem: [UInt8], _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard pem.count >= count else { return false }
    return pem.withBytes { bytes in
      (0...(pem.count - count)).contains { bytes.extracting($0..<($0 + count)).equals(text) }
    }
  }
}

/// Nobody is there to be asked.
private func passphraseAsked(
  _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }

/// Owns an `EVP_PKEY`.
@safe final class PrivateKey {
  let handle: OpaquePointer

  init(takingOwnershipOf handle: OpaquePointer) { unsafe self.handle = handle }

  deinit { unsafe EVP_PKEY_free(handle) }
}

/// A copy of bytes that OpenSSL reads from, or bytes that it wrote.
@safe final class MemoryBIO {
  let handle: OpaquePointer

  init(_ bytes: [UInt8] = []) {
    guard let handle = unsafe BIO_new(BIO_s_mem()) else { preconditionFailure("BIO_new failed") }
    unsafe self.handle = handle
    guard !bytes.isEmpty else { return }
    let written = unsafe BIO_write(handle, bytes, Int32(bytes.count))
    precondition(Int(written) == bytes.count, "BIO_write took \(written) of \(bytes.count) bytes")
  }

  deinit { unsafe BIO_free_all(handle) }

  /// What was written, at most `byteCountMax` bytes of it.
  func text(byteCountMax: Int) -> String {
    var start: UnsafeMutablePointer<CChar>?
    let count = unsafe COpenSSL_BIO_get_bytes(handle, &start)
    guard let start = unsafe start, count > 0 else { return "" }
    let bytes = unsafe UnsafeRawBufferPointer(start: start, count: min(count, byteCountMax))
    return unsafe String(decoding: bytes, as: UTF8.self)
  }
}
