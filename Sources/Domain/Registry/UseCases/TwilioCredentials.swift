internal import Telephony

/// Credentials in the clear while a request is checked: an API key, an Auth Token, or both.
struct TwilioCredentials: Sendable {
  var apiKey: (sid: APIKeySID, secret: Secret)?
  var authToken: Secret?

  /// None yet.
  init() {}

  /// Reads the credentials of a creation. An empty secret is none.
  init(_ input: TwilioInput, _ field: String, _ validator: inout Validator) {
    let secret = input.apiKeySecret.flatMap { $0.isEmpty ? nil : $0 }
    let token = input.authToken.flatMap { $0.isEmpty ? nil : $0 }
    let sid = validator.optionalID("\(field).api_key_sid", input.apiKeySID, as: APIKeySID.self)
    if let secret {
      validator.secret(
        "\(field).api_key_secret", secret, lengthMax: RegistryLimits.secretLengthMax)
    }
    if let token {
      validator.secret("\(field).auth_token", token, lengthMax: RegistryLimits.secretLengthMax)
    }
    switch (input.apiKeySID.isEmpty, secret) {
    case (true, .some):
      validator.refuse(
        "\(field).api_key_sid", .required, "The secret has no key: give api_key_sid with it.")
    case (false, .none):
      validator.refuse(
        "\(field).api_key_secret", .required, "The key has no secret: give both, or neither.")
    case (true, .none) where token == nil:
      validator.refuse(
        field, .required,
        "Credentials are missing: give api_key_sid with api_key_secret, or auth_token.")
    case (true, .none), (false, .some): break
    }
    if let sid, let secret { self.apiKey = (sid, secret) }
    self.authToken = token
  }

  /// Each way to authenticate that was given.
  func all(account: AccountSID, region: Region) -> [CarrierAccess] {
    var all: [CarrierAccess] = []
    if let apiKey {
      all.append(
        CarrierAccess(
          accountSID: account, region: region,
          credentials: .apiKey(sid: apiKey.sid, secret: apiKey.secret)))
    }
    if let authToken {
      all.append(
        CarrierAccess(accountSID: account, region: region, credentials: .authToken(authToken)))
    }
    return all
  }
}

extension RegistryContext {
  /// Tries credentials at the carrier; the account that it names must be the expected one.
  ///
  /// Refused ones are tried in the other regions too, and the carrier is asked whose they are: it
  /// says itself no more than that they are wrong.
  func probe(_ access: CarrierAccess) async throws(RegistryError) {
    let owner: AccountSID
    do {
      owner = try await carrier.probe(access)
    } catch {
      guard error.kind == .credentialsRefused else { throw RegistryError(error) }
      if let region = await otherRegion(of: access) {
        throw .credentialsOfOtherRegion(asked: access.region, valid: region)
      }
      if let owner = try? await carrier.owner(access), owner != access.accountSID {
        throw .accountMismatch(expected: access.accountSID, owner: owner)
      }
      throw RegistryError(error)
    }
    guard owner == access.accountSID else {
      throw .accountMismatch(expected: access.accountSID, owner: owner)
    }
  }

  /// Another region where the credentials are known, whatever they may do there.
  func otherRegion(of access: CarrierAccess) async -> Region? {
    for region in Region.allCases where region != access.region {
      var elsewhere = access
      elsewhere.region = region
      do {
        _ = try await carrier.probe(elsewhere)
        return region
      } catch {
        switch error.kind {
        case .testCredentials, .keyRestricted, .accountInactive, .notPermitted: return region
        case .credentialsRefused, .keyUnknown, .notFound, .invalidRequest, .conflict, .notForSale,
          .papersMissing, .purchaseRefused, .limited, .unavailable, .unreadableAnswer:
          continue
        }
      }
    }
    return nil
  }

  /// The condition that says the carrier took the credentials just now.
  func credentialsAccepted() -> Condition {
    .credentialsAccepted(at: time.now())
  }
}

extension Condition {
  static func credentialsAccepted(at time: Timestamp) -> Condition {
    Condition(
      kind: .credentials, holds: true, reason: "ACCEPTED",
      message: "The carrier accepted the credentials.", observedTime: time)
  }
}
