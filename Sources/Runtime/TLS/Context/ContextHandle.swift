internal import COpenSSL

/// Owns an `SSL_CTX`, with what servers and clients have in common set.
@safe final class ContextHandle: @unchecked Sendable {
  // @unchecked: changed only before its TLSContext is handed out; from then on OpenSSL locks what
  // sessions on several threads share.
  let raw: OpaquePointer

  /// AES-128 before AES-256: nobody can break either, and it is faster. RFC 8446, section 9.1.
  private static let suites13 = [
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
  ]
  /// Forward secrecy and AEAD only, as RFC 9113, section 9.2.2 asks.
  private static let suites12 = [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
  ]
  private static let groups = "X25519:P-256:P-384"
  /// At least 112 bits: RSA of 2048, SHA-224 (SSL_CTX_set_security_level).
  private static let securityLevel: Int32 = 2

  init() throws(TLSError) {
    LibraryError.clear()
    guard let raw = unsafe SSL_CTX_new(TLS_method()) else {
      throw .library(operation: "SSL_CTX_new", reason: LibraryError.take().text)
    }
    unsafe self.raw = raw
    unsafe SSL_CTX_set_security_level(raw, Self.securityLevel)
    unsafe _ = SSL_CTX_set_options(raw, COpenSSL_options_of_both_sides())
    // Without the buffers an idle session is half as large.
    unsafe COpenSSL_CTX_set_mode(raw, Int(SSL_MODE_RELEASE_BUFFERS))
    unsafe SSL_CTX_set_info_callback(raw, stateChanged)
    let isAESFast = COpenSSL_has_aes_instructions() != 0
    try check(
      "SSL_CTX_set_min_proto_version",
      unsafe COpenSSL_CTX_set_versions(raw, TLS1_2_VERSION, TLS1_3_VERSION))
    try check(
      "SSL_CTX_set_ciphersuites",
      unsafe SSL_CTX_set_ciphersuites(raw, Self.list(Self.suites13, isAESFast: isAESFast)))
    try check(
      "SSL_CTX_set_cipher_list",
      unsafe SSL_CTX_set_cipher_list(raw, Self.list(Self.suites12, isAESFast: isAESFast)))
    try check("SSL_CTX_set1_groups_list", unsafe COpenSSL_CTX_set_groups(raw, Self.groups))
  }

  deinit { unsafe SSL_CTX_free(raw) }

  /// `suites` in one text: AES first, or ChaCha20 where the processor has no AES.
  static func list(_ suites: [String], isAESFast: Bool) -> String {
    let aes = suites.filter { $0.contains("AES") }
    let others = suites.filter { !$0.contains("AES") }
    return (isAESFast ? aes + others : others + aes).joined(separator: ":")
  }

  func check(_ operation: String, _ code: Int32) throws(TLSError) {
    guard code != 1 else { return }
    throw .library(operation: operation, reason: LibraryError.take().text)
  }

  /// Takes the certificate, its chain and the key; gives the certificate's last second.
  func use(_ credentials: TLSCredentials) throws(TLSError) -> Int64 {
    let chain = try PEM.certificates(credentials.certificateChain, .certificate)
    let key = try PEM.privateKey(credentials.privateKey)
    LibraryError.clear()
    guard unsafe SSL_CTX_use_certificate(raw, chain[0].handle) == 1 else {
      throw .malformed(.certificate, reason: LibraryError.take().text)
    }
    for certificate in chain.dropFirst() {
      guard unsafe COpenSSL_CTX_add_chain_certificate(raw, certificate.handle) == 1 else {
        throw .malformed(.certificate, reason: LibraryError.take().text)
      }
    }
    // Asked first, so that what fails afterwards is the key's own fault.
    guard unsafe X509_check_private_key(chain[0].handle, key.handle) == 1 else {
      LibraryError.clear()
      throw .keyMismatch
    }
    guard unsafe SSL_CTX_use_PrivateKey(raw, key.handle) == 1 else {
      throw .malformed(.privateKey, reason: LibraryError.take().text)
    }
    return chain[0].expiry
  }

  /// Trusts what the authorities of `pem` have signed; an intermediate one too (as in Go), since
  /// bundles in clusters often hold no roots.
  func trust(_ pem: [UInt8], tellsClients: Bool) throws(TLSError) {
    let authorities = try PEM.certificates(pem, .authorities)
    let store = unsafe SSL_CTX_get_cert_store(raw)
    unsafe _ = X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    LibraryError.clear()
    for authority in authorities {
      guard unsafe X509_STORE_add_cert(store, authority.handle) == 1 else {
        throw .malformed(.authorities, reason: LibraryError.take().text)
      }
      if tellsClients { unsafe _ = SSL_CTX_add_client_CA(raw, authority.handle) }
    }
  }
}

/// Has the handshake steps of open sessions counted. An alert that we
/// send while open answers an attempt to renegotiate (TLS 1.2).
private func stateChanged(_ ssl: OpaquePointer?, at place: Int32, _: Int32) {
  guard place & SSL_CB_LOOP != 0 || place == SSL_CB_WRITE_ALERT else { return }
  unsafe session(of: ssl)?.noteHandshakeStep()
}
