internal import Telephony

extension RegistryError {
  /// What a store error means where the use case does not know better.
  package init(_ error: StoreError) {
    switch error {
    case .unavailable(let cause): self = .storeUnavailable(cause: cause)
    case .damaged(let cause): self = .storeDamaged(cause: cause)
    case .notFound(let kind): self = .internalError("store: no such \(kind.rawValue)")
    case .versionMismatch(let kind): self = .internalError("store: version of \(kind.rawValue)")
    case .providerExists(let id): self = .providerExists(id)
    case .providerHasNumbers(let count):
      self = .internalError("store: provider has \(count) numbers")
    case .gatewayHasUsers: self = .internalError("store: gateway has users")
    case .agentExists: self = .internalError("store: agent exists")
    case .agentHasNumbers(let count): self = .internalError("store: agent has \(count) numbers")
    case .numberClaimed: self = .numberClaimed
    case .quotaExceeded(let kind, let countMax): self = .quotaExceeded(kind, countMax: countMax)
    case .requestRepeated: self = .internalError("store: request repeated")
    }
  }

  package init(_ error: SealingError) {
    switch error {
    case .unknownKey(let name): self = .internalError("keyring: no key \(name)")
    case .notAuthentic: self = .internalError("keyring: sealed bytes are not authentic")
    case .failed: self = .internalError("keyring: sealing failed")
    }
  }

  package init(_ error: CarrierError) {
    self = .carrier(CarrierFailure(error))
  }
}

/// Does something at the store, and tells its error as the registry's.
func reading<Result: Sendable>(
  _ body: () async throws(StoreError) -> Result
) async throws(RegistryError) -> Result {
  do {
    return try await body()
  } catch {
    throw RegistryError(error)
  }
}

extension ProvisioningFailure {
  /// A carrier's failure as it is stored.
  init(_ error: CarrierError) {
    let cause: Cause =
      switch error.kind {
      case .credentialsRefused, .keyUnknown: .credentialsRefused
      case .testCredentials: .testCredentials
      case .keyRestricted: .keyRestricted
      case .accountInactive: .accountInactive
      case .notPermitted: .notPermitted
      case .notFound: .notFound
      case .invalidRequest: .invalidRequest
      case .conflict: .conflict
      case .notForSale: .notForSale
      case .papersMissing: .papersMissing
      case .purchaseRefused: .purchaseRefused
      case .limited: .limited
      case .unavailable: .unavailable
      case .unreadableAnswer: .unreadableAnswer
      }
    self.init(cause: cause, carrierCode: error.code, message: error.message)
  }
}

extension Provider {
  /// A Twilio provider's credentials opened, for one use at the carrier: the API key, else the Auth
  /// Token. Others have none.
  func access(_ sealer: any SecretSealer) throws(SealingError) -> CarrierAccess {
    guard let twilio else { throw .notAuthentic }
    if let key = twilio.apiKey {
      let secret = try sealer.open(
        key.secret, .apiKeySecret(id), of: secretOwner, with: dataKey)
      return CarrierAccess(
        accountSID: twilio.accountSID, region: region,
        credentials: .apiKey(sid: key.sid, secret: secret))
    }
    guard let token = twilio.authToken else { throw .notAuthentic }
    let opened = try sealer.open(token, .authToken(id), of: secretOwner, with: dataKey)
    return CarrierAccess(
      accountSID: twilio.accountSID, region: region, credentials: .authToken(opened))
  }

  /// A LiveKit provider's key opened, for one use there. Others have none.
  func gatewayAccess(_ sealer: any SecretSealer) throws(SealingError) -> GatewayAccess {
    guard case .liveKit(let gateway) = configuration else { throw .notAuthentic }
    let secret = try sealer.open(
      gateway.apiSecret, .liveKitSecret(id), of: secretOwner, with: dataKey)
    return GatewayAccess(url: gateway.url, apiKey: gateway.apiKey, apiSecret: secret)
  }
}
