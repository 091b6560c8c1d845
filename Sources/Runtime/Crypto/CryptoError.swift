/// A cryptographic operation failed.
package enum CryptoError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The bytes were not sealed under this key with this associated data, or were changed since.
  case notAuthentic
  /// libcrypto failed, as without memory or entropy. Nothing secret is in `operation`.
  case library(operation: String)

  package var description: String {
    switch self {
    case .notAuthentic: "The sealed bytes are not authentic."
    case .library(let operation): "libcrypto failed: \(operation)."
    }
  }
}
