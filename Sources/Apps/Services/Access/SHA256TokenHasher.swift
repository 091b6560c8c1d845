package import Access
internal import Crypto
package import Telephony

/// SHA-256 from OpenSSL.
package struct SHA256TokenHasher: TokenHasher {
  package init() {}

  package func hash(_ secret: Secret) -> TokenHash { TokenHash(SHA256.digest(secret.revealed)) }
}
