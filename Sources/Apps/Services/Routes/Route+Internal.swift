internal import API
internal import Access
internal import CallDispatch
internal import Registry
internal import Telephony

// What the registry told, in the dispatch's words. An entry that can't be read is nil: it comes
// from a newer registry, and the dispatch goes on with what it understands.

extension Telephony.Region {
  init?(_ region: Trunkline.V1.Region) {
    switch region {
    case .us1: self = .us1
    case .ie1: self = .ie1
    case .au1: self = .au1
    case .unspecified, .unrecognized: return nil
    }
  }
}

extension CallDispatch.RouteChange {
  init?(setting entry: Trunkline.Internal.V1.RouteEntry) {
    let change: Self? =
      switch entry.entry {
      case .number(let number): CallDispatch.NumberRoute(number).map { .setNumber($0) }
      case .provider(let provider): CallDispatch.ProviderRoute(provider).map { .setProvider($0) }
      case .agent(let agent): CallDispatch.AgentRoute(agent).map { .setAgent($0) }
      case .token(let token): TokenGrant(token).map { .setToken($0) }
      case nil: nil
      }
    guard let change else { return nil }
    self = change
  }

  init?(removing removal: Trunkline.Internal.V1.RouteRemoval) {
    switch removal.removed {
    case .numberID(let id):
      guard let id = try? PhoneNumberID(id) else { return nil }
      self = .removeNumber(id)
    case .providerID(let id):
      guard let id = try? ProviderID(id) else { return nil }
      self = .removeProvider(id)
    case .agentID(let id):
      guard let tenant = try? TenantID(removal.tenantID), let agent = try? AgentID(id) else {
        return nil
      }
      self = .removeAgent(tenant, agent)
    case .tokenID(let id):
      guard let id = try? APITokenID(id) else { return nil }
      self = .removeToken(id)
    case nil: return nil
    }
  }
}

extension TokenGrant {
  init?(_ token: Trunkline.Internal.V1.TokenRoute) {
    guard let id = try? APITokenID(token.id), let tenant = try? TenantID(token.tenantID),
      token.secretHash.count == TokenHash.size
    else { return nil }
    self.init(
      id: id, tenant: tenant, scopes: Scopes(token.scopes.compactMap { Scope(rawValue: $0) }),
      hash: TokenHash(token.secretHash), expireTime: token.expireTime.map { Timestamp($0) })
  }
}

extension CallDispatch.NumberRoute {
  init?(_ number: Trunkline.Internal.V1.NumberRoute) {
    guard let id = try? PhoneNumberID(number.id), let tenant = try? TenantID(number.tenantID),
      let provider = try? ProviderID(number.providerID), let e164 = try? E164(number.e164)
    else { return nil }
    let placesCalls: Bool
    switch number.state {
    case .active, .degraded: placesCalls = true
    case .provisioning, .deleting, .corrupted, .unspecified, .unrecognized: placesCalls = false
    }
    self.init(
      id: id, tenant: tenant, provider: provider, e164: e164,
      webhookGeneration: number.webhookGeneration,
      agent: number.agentID.isEmpty ? nil : try? AgentID(number.agentID),
      takesInbound: number.supportsInbound,
      placesOutbound: number.supportsOutbound && placesCalls,
      unassignedURL: number.unassignedURL.isEmpty ? nil : number.unassignedURL,
      unassignedMethod: number.unassignedMethod == "GET" ? .get : .post,
      pendingProvider: try? ProviderID(number.pendingProviderID),
      isSIP: number.isSip)
  }
}

extension CallDispatch.ProviderRoute {
  init?(_ provider: Trunkline.Internal.V1.ProviderRoute) {
    guard let id = try? ProviderID(provider.id), let tenant = try? TenantID(provider.tenantID),
      let account = try? AccountSID(provider.accountSID), let region = Region(provider.region)
    else { return nil }
    self.init(
      id: id, tenant: tenant, account: account, region: region,
      signsWebhooks: provider.signatureRequired,
      credentialRevision: provider.credentialRevision,
      onlyCountry: provider.onlyCountry.isEmpty ? nil : provider.onlyCountry)
  }
}

extension CallDispatch.AgentRoute {
  init?(_ agent: Trunkline.Internal.V1.AgentRoute) {
    guard let id = try? AgentID(agent.id), let tenant = try? TenantID(agent.tenantID) else {
      return nil
    }
    self.init(
      tenant: tenant, id: id,
      connections: agent.connections.compactMap { connection in
        CallDispatch.AgentConnection(
          connection, secret: CredentialField.sipPassword(id, tenant).associatedData)
      })
  }
}

extension CallDispatch.AgentConnection {
  fileprivate init?(
    _ connection: Trunkline.Internal.V1.AgentRoute.Connection, secret: [UInt8]
  ) {
    let region = Telephony.Region(connection.region)
    // A region that this version does not know serves none of ours.
    if region == nil && connection.region != .unspecified { return nil }
    switch connection.endpoint {
    case .mediaStream(let stream):
      let parameters = stream.parameters.sorted { $0.key < $1.key }
        .map { StreamParameter(name: $0.key, value: $0.value) }
      self.init(region: region, target: .mediaStream(url: stream.url, parameters: parameters))
    case .sip(let sip):
      self.init(region: region, target: .sip(uri: sip.uri, login: SIPLogin(sip, secret: secret)))
    case nil: return nil
    }
  }
}

extension CallDispatch.SIPLogin {
  fileprivate init?(
    _ sip: Trunkline.Internal.V1.AgentRoute.Connection.Sip, secret: [UInt8]
  ) {
    guard !sip.username.isEmpty else { return nil }
    self.init(
      username: sip.username,
      password: sip.password.map {
        SealedBytes(keyName: $0.keyName, bytes: $0.sealed, associatedData: secret)
      })
  }
}
