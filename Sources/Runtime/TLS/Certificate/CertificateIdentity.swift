internal import COpenSSL

/// Whom a verified certificate names.
package struct CertificateIdentity: Hashable, Sendable {
  /// The subject as in RFC 2253: "CN=caller,O=Example".
  package let subject: String
  /// Subject alternative names of type DNS, in their order.
  package let dnsNames: [String]
  /// Subject alternative names of type URI, in their order.
  package let uris: [String]
  /// The last second in which the certificate is valid, in seconds since 1970.
  package let expiry: Int64

  package init(subject: String, dnsNames: [String], uris: [String], expiry: Int64) {
    self.subject = subject
    self.dnsNames = dnsNames
    self.uris = uris
    self.expiry = expiry
  }

  /// The SPIFFE ID: there is one only when the certificate names exactly one URI and it is a
  /// SPIFFE ID (X509-SVID, section 2; gRFC A87).
  package var spiffeID: String? {
    guard uris.count == 1, let uri = uris.first, SPIFFE.isID(uri) else { return nil }
    return uri
  }

  /// How many names of a certificate are read; it may hold any number.
  static let nameCountMax = 100
  /// How many bytes of a subject are read.
  static let subjectByteCountMax = 1024
}

/// SPIFFE IDs (SPIFFE-ID, section 2).
package enum SPIFFE {
  /// The most bytes of an ID, and of its trust domain.
  static let idByteCountMax = 2048
  static let trustDomainByteCountMax = 255

  /// Whether `uri` is "spiffe://trust-domain" with an optional path, written as the standard asks:
  /// the trust domain in lower case, no empty or relative segments, no query and no escapes.
  package static func isID(_ uri: String) -> Bool {
    let prefix = "spiffe://"
    guard uri.hasPrefix(prefix), uri.utf8.count <= idByteCountMax else { return false }
    let rest = uri.utf8.dropFirst(prefix.utf8.count)
    let domain = rest.prefix { $0 != UInt8(ascii: "/") }
    guard !domain.isEmpty, domain.count <= trustDomainByteCountMax,
      domain.allSatisfy(isOfTrustDomain)
    else { return false }
    let path = rest[domain.endIndex...]
    if path.isEmpty { return true }
    return path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .allSatisfy { segment in
        !segment.isEmpty && !segment.elementsEqual(".".utf8) && !segment.elementsEqual("..".utf8)
          && segment.allSatisfy { isOfTrustDomain($0) || isUpper($0) }
      }
  }

  private static func isOfTrustDomain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func isUpper(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }
}

extension CertificateIdentity {
  /// Reads the names of `certificate`.
  init(_ certificate: borrowing Certificate) {
    var dnsNames: [String] = []
    var uris: [String] = []
    let found = unsafe X509_get_ext_d2i(
      certificate.handle, NID_subject_alt_name, nil, nil)
    if let found = unsafe found {
      let names = OpaquePointer(found)
      for index in 0..<min(Int(unsafe COpenSSL_GENERAL_NAME_count(names)), Self.nameCountMax) {
        guard let name = unsafe COpenSSL_GENERAL_NAME_at(names, Int32(index)) else { continue }
        var kind: Int32 = 0
        let value = unsafe GENERAL_NAME_get0_value(name, &kind)
        guard kind == GEN_DNS || kind == GEN_URI, let text = unsafe Self.text(value) else {
          continue
        }
        if kind == GEN_DNS { dnsNames.append(text) } else { uris.append(text) }
      }
      unsafe GENERAL_NAMES_free(names)
    }
    let subject = MemoryBIO()
    unsafe _ = X509_NAME_print_ex(
      subject.handle, X509_get_subject_name(certificate.handle), 0, COpenSSL_subject_flags())
    self.init(
      subject: subject.text(byteCountMax: Self.subjectByteCountMax), dnsNames: dnsNames,
      uris: uris, expiry: certificate.expiry)
  }

  /// An IA5String as text; `nil` when it is not ASCII or holds a NUL, which some would cut off.
  private static func text(_ value: UnsafeMutableRawPointer?) -> String? {
    guard let value = unsafe value else { return nil }
    let string = unsafe value.assumingMemoryBound(to: ASN1_STRING.self)
    let bytes = unsafe UnsafeRawBufferPointer(
      start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string)))
    guard unsafe bytes.allSatisfy({ $0 > 0 && $0 < 0x80 }) else { return nil }
    return unsafe String(decoding: bytes, as: UTF8.self)
  }
}
