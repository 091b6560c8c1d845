internal import GRPC
internal import TLS

extension PeerIdentity {
  /// What interceptors and handlers see of a caller's certificate.
  convenience init(_ certificate: CertificateIdentity) {
    self.init(
      subject: certificate.subject, dnsNames: certificate.dnsNames, uris: certificate.uris,
      spiffeID: certificate.spiffeID)
  }
}
