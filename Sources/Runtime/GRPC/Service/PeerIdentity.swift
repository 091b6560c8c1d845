/// Whom the verified certificate of a caller names. Callable from any executor.
///
/// A class, so that every call of a connection shares it.
package final class PeerIdentity: Hashable, Sendable {
  /// The certificate's subject as in RFC 2253: "CN=caller,O=Example".
  package let subject: String
  /// Its subject alternative names of type DNS, in their order.
  package let dnsNames: [String]
  /// Its subject alternative names of type URI, in their order.
  package let uris: [String]
  /// The SPIFFE ID, when the only URI is one (gRFC A87).
  package let spiffeID: String?

  package init(subject: String, dnsNames: [String], uris: [String], spiffeID: String?) {
    self.subject = subject
    self.dnsNames = dnsNames
    self.uris = uris
    self.spiffeID = spiffeID
  }

  package static func == (one: PeerIdentity, other: PeerIdentity) -> Bool {
    one.subject == other.subject && one.dnsNames == other.dnsNames && one.uris == other.uris
      && one.spiffeID == other.spiffeID
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(subject)
    hasher.combine(dnsNames)
    hasher.combine(uris)
  }
}
