/// What a TLS session has agreed on.
package struct ConnectionSecurity: Hashable, Sendable {
  /// "TLSv1.2" or "TLSv1.3".
  package let version: String
  /// The cipher suite as OpenSSL names it: "TLS_AES_128_GCM_SHA256".
  package let cipherSuite: String
  /// What ALPN chose; always "h2".
  package let applicationProtocol: String
  package let resumption: TLSResumption
  /// The certificate that the peer showed and that was verified; `nil` when it showed none.
  package let peer: CertificateIdentity?
}
