internal import TLS
package import Telemetry

extension MetricRegistry {
  /// Adds the time at which the certificate that new connections get runs out. An alert looks at
  /// it: a certificate that is not renewed is found out when clients are refused.
  package func addCertificateExpiry(of source: TLSContextSource) {
    let descriptor = MetricDescriptor(
      "trunkline.tls.certificate.expiry_timestamp", .gauge, unit: .seconds,
      "When the certificate of new connections runs out, in Unix time.")
    addGauge(descriptor) { source.current.certificateExpiry.map { Double($0) } }
  }
}
