package import Telephony

/// A provider's credentials, opened, for as long as one piece of work lasts.
package struct CredentialLease: Sendable {
  /// How requests to the carrier are authenticated.
  package enum Authentication: Sendable {
    case apiKey(APIKeySID, secret: Secret)
    case authToken(Secret)
  }

  package let provider: ProviderID
  package let account: AccountSID
  package let region: Region
  package let authentication: Authentication
  /// Every Auth Token that signs webhooks now: the current and the staged one. Empty with API keys
  /// only.
  package let signingTokens: [Secret]

  package init(
    provider: ProviderID, account: AccountSID, region: Region, authentication: Authentication,
    signingTokens: [Secret]
  ) {
    self.provider = provider
    self.account = account
    self.region = region
    self.authentication = authentication
    self.signingTokens = signingTokens
  }
}

package enum CredentialError: Error, Sendable, Hashable {
  /// There is no such provider, or it holds no credentials.
  case unknown
  /// Its seal can't be opened: the key is not in the keyring.
  case unreadable
  /// The registry can't be asked, and what was kept is too old.
  case unavailable
}

/// Lends credentials. They are sealed wherever they rest.
///
/// Called for every webhook that must be signed: an implementation keeps what it opened and answers
/// from memory.
package protocol CredentialSource: Sendable {
  func lease(_ provider: ProviderID) async throws(CredentialError) -> CredentialLease
}
