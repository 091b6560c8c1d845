package import Telephony

/// Credentials that wait to take the place of a provider's current ones. A part that is nil stays
/// as it is when they do.
package struct StagedCredential: Sendable, Hashable, Codable {
  /// The provider's version when they were staged: tells them from all that it ever had.
  package let mark: Version
  package var apiKey: SealedAPIKey?
  package var authToken: SealedSecret?
  package let stageTime: Timestamp
  /// What live traffic made of them, as dispatches have told so far. Changes neither the provider's
  /// version nor its etag.
  package var use: CredentialUse

  package init(
    mark: Version, apiKey: SealedAPIKey?, authToken: SealedSecret?, stageTime: Timestamp,
    use: CredentialUse = CredentialUse()
  ) {
    self.mark = mark
    self.apiKey = apiKey
    self.authToken = authToken
    self.stageTime = stageTime
    self.use = use
  }
}

/// What a provider's current credentials replaced, whole: also what they did not change.
package struct PreviousCredential: Sendable, Hashable, Codable {
  package var apiKey: SealedAPIKey?
  package var authToken: SealedSecret?
  package let replaceTime: Timestamp
  /// From then on it signs nothing, can't be put back, and is destroyed.
  package let expireTime: Timestamp

  package init(
    apiKey: SealedAPIKey?, authToken: SealedSecret?, replaceTime: Timestamp, expireTime: Timestamp
  ) {
    self.apiKey = apiKey
    self.authToken = authToken
    self.replaceTime = replaceTime
    self.expireTime = expireTime
  }
}

extension Provider {
  /// Each stored secret, put in place of itself by `body`.
  package mutating func mapSecrets<Failure: Error>(
    _ body: (SealedSecret, CredentialField) throws(Failure) -> SealedSecret
  ) throws(Failure) {
    switch configuration {
    case .twilio(var twilio):
      if let secret = twilio.apiKey?.secret {
        twilio.apiKey?.secret = try body(secret, .apiKeySecret(id))
      }
      if let token = twilio.authToken { twilio.authToken = try body(token, .authToken(id)) }
      configuration = .twilio(twilio)
    case .liveKit(var gateway):
      gateway.apiSecret = try body(gateway.apiSecret, .liveKitSecret(id))
      configuration = .liveKit(gateway)
    case .sipTrunk(var trunk):
      if let password = trunk.outbound?.login?.password {
        trunk.outbound?.login?.password = try body(password, .outboundPassword(id))
      }
      if let password = trunk.inbound?.login?.password {
        trunk.inbound?.login?.password = try body(password, .inboundPassword(id))
      }
      configuration = .sipTrunk(trunk)
    }
    if let secret = staged?.apiKey?.secret {
      staged?.apiKey?.secret = try body(secret, .stagedAPIKeySecret(id))
    }
    if let token = staged?.authToken { staged?.authToken = try body(token, .stagedAuthToken(id)) }
    if let secret = previous?.apiKey?.secret {
      previous?.apiKey?.secret = try body(secret, .previousAPIKeySecret(id))
    }
    if let token = previous?.authToken {
      previous?.authToken = try body(token, .previousAuthToken(id))
    }
  }

  /// Each stored secret with what it is.
  var secrets: [(sealed: SealedSecret, field: CredentialField)] {
    var all: [(sealed: SealedSecret, field: CredentialField)] = []
    var copy = self
    copy.mapSecrets { sealed, field in
      all.append((sealed, field))
      return sealed
    }
    return all
  }
}
