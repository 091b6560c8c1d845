/// A TLS configuration can't be used. Nothing of a key is in its text.
package enum TLSError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There is no certificate, or no key, in the PEM.
  case missing(TLSPart)
  /// The PEM holds something that OpenSSL does not take; `reason` is its word for it.
  case malformed(TLSPart, reason: String)
  /// The private key needs a passphrase.
  case encryptedKey
  /// The private key is not the certificate's.
  case keyMismatch
  /// There are more certificates than `limit`.
  case tooManyCertificates(TLSPart, limit: Int)
  /// OpenSSL failed otherwise, as without memory.
  case library(operation: String, reason: String)

  package var description: String {
    switch self {
    case .missing(let part): "There is no \(part.rawValue) in the PEM."
    case .malformed(let part, let reason): "The \(part.rawValue) can't be used: \(reason)."
    case .encryptedKey:
      "The private key is encrypted; give it without a passphrase, in a file that only the server"
        + " may read."
    case .keyMismatch: "The private key does not belong to the certificate."
    case .tooManyCertificates(let part, let limit):
      "There are more certificates than \(limit) in the PEM of the \(part.rawValue)."
    case .library(let operation, let reason): "OpenSSL failed: \(operation): \(reason)."
    }
  }
}

/// What a PEM is for.
package enum TLSPart: String, Hashable, Sendable {
  case certificate
  case privateKey = "private key"
  case authorities = "certificate authority"
}
