package import Telephony

/// A provider's credentials, opened, for as long as one piece of work lasts.
package struct CredentialLease: Sendable {
  /// How requests to the carrier are authenticated.
  package enum Authentication: Sendable {
    case apiKey(APIKeySID, secret: Secret)
    case authToken(Secret)
  }

  /// Credentials that wait to become the current ones.
  package struct Staged: Sendable {
    /// Names them among those that the provider ever had.
    package let mark: UInt64
    package let authentication: Authentication
    /// An Auth Token that may sign webhooks already.
    package let signingToken: Secret?

    package init(mark: UInt64, authentication: Authentication, signingToken: Secret?) {
      self.mark = mark
      self.authentication = authentication
      self.signingToken = signingToken
    }
  }

  /// The Auth Token before the current one.
  package struct Previous: Sendable {
    package let signingToken: Secret
    /// From then on its signatures count no more.
    package let expireTime: Timestamp

    package init(signingToken: Secret, expireTime: Timestamp) {
      self.signingToken = signingToken
      self.expireTime = expireTime
    }
  }

  package let provider: ProviderID
  package let account: AccountSID
  package let region: Region
  package let authentication: Authentication
  /// The current Auth Tokens, which sign webhooks. Empty with API keys only.
  package let signingTokens: [Secret]
  package let staged: Staged?
  package let previous: Previous?

  package init(
    provider: ProviderID, account: AccountSID, region: Region, authentication: Authentication,
    signingTokens: [Secret], staged: Staged? = nil, previous: Previous? = nil
  ) {
    self.staged = staged
    self.previous = previous
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

extension CredentialLease {
  /// Requests with it are made with the staged credentials.
  func usingStaged(_ staged: Staged) -> CredentialLease {
    CredentialLease(
      provider: provider, account: account, region: region,
      authentication: staged.authentication, signingTokens: signingTokens)
  }

  /// The tokens whose signatures count at `time`, but for the staged one.
  func signingTokens(at time: Timestamp) -> [Secret] {
    guard let previous, time < previous.expireTime else { return signingTokens }
    return signingTokens + [previous.signingToken]
  }
}

/// Lends credentials. They are sealed wherever they rest.
///
/// Called for every webhook that must be signed: an implementation keeps what it opened and answers
/// from memory.
package protocol CredentialSource: Sendable {
  func lease(_ provider: ProviderID) async throws(CredentialError) -> CredentialLease
}
