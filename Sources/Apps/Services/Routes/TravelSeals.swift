internal import API
internal import Registry
internal import Telephony
internal import WellKnown

/// How secrets leave the registry: sealed under a key of the keyring itself, as every dispatch of
/// this version and the one before opens them. Data keys stay with the registry.
struct TravelSeals: Sendable {
  let sealer: any SecretSealer

  /// What is stored, sealed for a dispatch.
  func sealed(
    _ secret: SealedSecret, _ field: CredentialField, of owner: SecretOwner,
    with dataKey: SealedDataKey?
  ) throws(SealingError) -> Trunkline.Internal.V1.Sealed {
    // What an earlier version stored is sealed so already.
    guard let dataKey, secret.keyName == dataKey.id else {
      return Trunkline.Internal.V1.Sealed(secret)
    }
    let opened = try sealer.open(secret, field, of: owner, under: dataKey)
    return Trunkline.Internal.V1.Sealed(
      try sealer.seal(opened, associatedData: field.associatedData))
  }
}

extension Trunkline.Internal.V1.AgentRoute {
  /// A password that can't be opened is left out: the agent's own server then refuses the call, and
  /// the other agents' routes go their way.
  init(_ agent: Registry.AgentRoute, _ seals: TravelSeals) {
    self.init()
    id = agent.id.description
    tenantID = agent.tenant.description
    connections = agent.connections.map { connection in
      let password = connection.target.password.flatMap { sealed in
        try? seals.sealed(
          sealed, .sipPassword(agent.id, agent.tenant), of: .agent(agent.id, agent.tenant),
          with: agent.dataKey)
      }
      return Connection(connection, password: password)
    }
  }
}

extension Trunkline.Internal.V1.AgentRoute.Connection {
  fileprivate init(
    _ connection: Registry.AgentConnection, password: Trunkline.Internal.V1.Sealed?
  ) {
    self.init()
    region = connection.region.map { Trunkline.V1.Region($0) } ?? .unspecified
    switch connection.target {
    case .mediaStream(let url, let parameters):
      var stream = MediaStream()
      stream.url = url
      stream.parameters = parameters
      endpoint = .mediaStream(stream)
    case .sip(let uri, let login):
      var sip = Sip()
      sip.uri = uri
      sip.username = login?.username ?? ""
      sip.password = password
      endpoint = .sip(sip)
    }
  }
}

extension Trunkline.Internal.V1.Credential {
  /// Of a Twilio provider; others have nothing to lend.
  init(_ provider: Registry.Provider, _ seals: TravelSeals) throws(SealingError) {
    self.init()
    guard let twilio = provider.twilio else { throw .notAuthentic }
    providerID = provider.id.description
    accountSID = twilio.accountSID.description
    region = Trunkline.V1.Region(provider.region)
    let owner = provider.secretOwner
    apiKeySID = twilio.apiKey?.sid.description ?? ""
    if let secret = twilio.apiKey?.secret {
      apiKeySecret = try seals.sealed(
        secret, .apiKeySecret(provider.id), of: owner, with: provider.dataKey)
    }
    if let token = twilio.authToken {
      authToken = try seals.sealed(
        token, .authToken(provider.id), of: owner, with: provider.dataKey)
    }
    credentialRevision = provider.revision.version
    staged = try provider.staged.map { (staged) throws(SealingError) in
      try Trunkline.Internal.V1.StagedCredential(staged, of: provider, seals)
    }
    if let previous = provider.previous, let token = previous.authToken {
      previousAuthToken = try seals.sealed(
        token, .previousAuthToken(provider.id), of: owner, with: provider.dataKey)
      previousExpireTime = .init(previous.expireTime)
    }
  }
}

extension Trunkline.Internal.V1.StagedCredential {
  fileprivate init(
    _ staged: Registry.StagedCredential, of provider: Registry.Provider, _ seals: TravelSeals
  ) throws(SealingError) {
    self.init()
    mark = staged.mark
    apiKeySID = staged.apiKey?.sid.description ?? ""
    if let secret = staged.apiKey?.secret {
      apiKeySecret = try seals.sealed(
        secret, .stagedAPIKeySecret(provider.id), of: provider.secretOwner,
        with: provider.dataKey)
    }
    if let token = staged.authToken {
      authToken = try seals.sealed(
        token, .stagedAuthToken(provider.id), of: provider.secretOwner, with: provider.dataKey)
    }
  }
}
