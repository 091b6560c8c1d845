internal import COpenSSL

/// A certificate authority for tests. Its keys live in memory only, so that none is committed.
///
/// What fails here is a mistake of the test and traps.
@safe package final class TestAuthority: @unchecked Sendable {
  // @unchecked: written in `init` only; issuing reads it, which OpenSSL allows on any thread.

  /// What a certificate is to say.
  package struct Request: Sendable {
    package var commonName: String
    package var dnsNames: [String] = []
    package var uris: [String] = []
    package var addresses: [String] = []
    /// Seconds from now; negative for the past.
    package var notBefore = -60
    package var notAfter = 3600

    package init(_ commonName: String) { self.commonName = commonName }

    /// For a server at "localhost", 127.0.0.1 and ::1.
    package static var server: Request {
      var request = Request("server")
      request.dnsNames = ["localhost"]
      request.addresses = ["127.0.0.1", "::1"]
      return request
    }

    /// For a client with a SPIFFE ID and a DNS name.
    package static var client: Request {
      var request = Request("client")
      request.dnsNames = ["caller.example"]
      request.uris = ["spiffe://example.org/caller"]
      return request
    }
  }

  /// A certificate and its key in PEM.
  package struct Issued: Sendable {
    package let certificate: [UInt8]
    package let key: [UInt8]

    package init(certificate: [UInt8], key: [UInt8]) {
      self.certificate = certificate
      self.key = key
    }
  }

  /// The authority's own certificate in PEM.
  package let certificate: [UInt8]
  private let issuer: OpaquePointer
  private let key: OpaquePointer

  package init(_ name: String = "test authority") {
    let key = unsafe Self.makeKey()
    var request = Request(name)
    request.notAfter = 86_400
    let issuer = unsafe Self.make(request, key: key, issuer: nil, issuerKey: key)
    certificate = unsafe Self.pem { unsafe PEM_write_bio_X509($0, issuer) }
    unsafe self.key = unsafe key
    unsafe self.issuer = unsafe issuer
  }

  deinit {
    unsafe X509_free(issuer)
    unsafe EVP_PKEY_free(key)
  }

  /// Makes a key and signs a certificate for it.
  package func issue(_ request: Request) -> Issued {
    let own = unsafe Self.makeKey()
    let signed = unsafe Self.make(request, key: own, issuer: issuer, issuerKey: key)
    defer {
      unsafe X509_free(signed)
      unsafe EVP_PKEY_free(own)
    }
    return Issued(
      certificate: unsafe Self.pem { unsafe PEM_write_bio_X509($0, signed) },
      key: unsafe Self.pem { unsafe PEM_write_bio_PrivateKey($0, own, nil, nil, 0, nil, nil) })
  }

  private static func makeKey() -> OpaquePointer {
    let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    unsafe check(EVP_PKEY_keygen_init(context))
    unsafe check(EVP_PKEY_CTX_set_group_name(context, "P-256"))
    unsafe check(EVP_PKEY_generate(context, &key))
    guard let key = unsafe key else { preconditionFailure("no key") }
    return unsafe key
  }

  private static func make(
    _ request: Request, key: OpaquePointer, issuer: OpaquePointer?, issuerKey: OpaquePointer
  ) -> OpaquePointer {
    guard let certificate = unsafe X509_new() else { preconditionFailure("X509_new failed") }
    unsafe check(X509_set_version(certificate, 2))
    unsafe check(
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), .random(in: 1 ... .max >> 1)))
    unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), request.notBefore)
    unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), request.notAfter)
    unsafe check(X509_set_pubkey(certificate, key))
    let name = unsafe X509_get_subject_name(certificate)
    let text = Array(request.commonName.utf8)
    unsafe check(
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, Int32(text.count), -1, 0))
    let above = unsafe issuer ?? certificate
    unsafe check(X509_set_issuer_name(certificate, X509_get_subject_name(above)))
    for (kind, value) in extensions(request, isAuthority: unsafe issuer == nil) {
      unsafe add(kind, value, to: certificate, issuer: above)
    }
    unsafe precondition(X509_sign(certificate, issuerKey, EVP_sha256()) > 0, "X509_sign failed")
    return unsafe certificate
  }

  private static func extensions(_ request: Request, isAuthority: Bool) -> [(Int32, String)] {
    var extensions: [(Int32, String)] = [(NID_subject_key_identifier, "hash")]
    if isAuthority {
      extensions.append((NID_basic_constraints, "critical,CA:TRUE"))
      extensions.append((NID_key_usage, "critical,keyCertSign,cRLSign"))
    } else {
      extensions.append((NID_authority_key_identifier, "keyid"))
      extensions.append((NID_basic_constraints, "critical,CA:FALSE"))
      extensions.append((NID_ext_key_usage, "serverAuth,clientAuth"))
    }
    let names =
      request.dnsNames.map { "DNS:\($0)" } + request.uris.map { "URI:\($0)" }
      + request.addresses.map { "IP:\($0)" }
    if !names.isEmpty {
      extensions.append((NID_subject_alt_name, names.joined(separator: ",")))
    }
    return extensions
  }

  private static func add(
    _ kind: Int32, _ value: String, to certificate: OpaquePointer, issuer: OpaquePointer
  ) {
    var context = unsafe X509V3_CTX()
    unsafe X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
    let added = unsafe X509V3_EXT_conf_nid(nil, &context, kind, value)
    defer { unsafe X509_EXTENSION_free(added) }
    unsafe check(X509_add_ext(certificate, added, -1))
  }

  private static func pem(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
    let bio = unsafe BIO_new(BIO_s_mem())
    defer { unsafe BIO_free_all(bio) }
    unsafe check(write(bio))
    var start: UnsafeMutablePointer<CChar>?
    let count = unsafe COpenSSL_BIO_get_bytes(bio, &start)
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }

  private static func check(_ code: Int32) { precondition(code == 1, "OpenSSL gave \(code)") }
}
