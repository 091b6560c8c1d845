internal import API
internal import Access
internal import Registry
internal import Telephony
internal import WellKnown

// What the registry tells its dispatches, from the domain's words.

extension Trunkline.Internal.V1.RouteEntry {
  init(_ entry: Registry.RouteEntry, _ seals: TravelSeals) {
    self.init()
    switch entry {
    case .number(let number): self.entry = .number(.init(number))
    case .provider(let provider): self.entry = .provider(.init(provider))
    case .agent(let agent): self.entry = .agent(.init(agent, seals))
    case .token(let grant): self.entry = .token(.init(grant))
    }
  }
}

extension Trunkline.Internal.V1.TokenRoute {
  init(_ grant: TokenGrant) {
    self.init()
    id = grant.id.description
    tenantID = grant.tenant.description
    scopes = grant.scopes.members.map(\.rawValue)
    secretHash = grant.hash.bytes
    expireTime = grant.expireTime.map { .init($0) }
  }
}

extension Trunkline.Internal.V1.WatchRoutesResponse.RouteChange {
  init(_ change: Registry.RouteChange, _ seals: TravelSeals) {
    self.init()
    sequence = change.point.sequence
    changeTime = change.point.time.map { Google.Protobuf.Timestamp($0) }
    switch change.kind {
    case .put(let entry): self.change = .entry(.init(entry, seals))
    case .removed(let removal): self.change = .removal(.init(removal))
    }
  }
}

extension Trunkline.Internal.V1.RouteRemoval {
  fileprivate init(_ removal: Registry.RouteRemoval) {
    self.init()
    switch removal {
    case .number(let id, let tenant):
      tenantID = tenant.description
      removed = .numberID(id.description)
    case .provider(let id, let tenant):
      tenantID = tenant.description
      removed = .providerID(id.description)
    case .agent(let id, let tenant):
      tenantID = tenant.description
      removed = .agentID(id.description)
    case .token(let id, let tenant):
      tenantID = tenant.description
      removed = .tokenID(id.description)
    }
  }
}

extension Trunkline.Internal.V1.NumberRoute {
  fileprivate init(_ number: Registry.NumberRoute) {
    self.init()
    id = number.id.description
    tenantID = number.tenant.description
    e164 = number.e164.text
    providerID = number.providerID.description
    carrierSID = number.isSIP ? "" : number.carrierSID.description
    isSip = number.isSIP
    region = Trunkline.V1.Region(number.region)
    supportsInbound = number.supportsInbound
    supportsOutbound = number.supportsOutbound
    agentID = number.agentID?.description ?? ""
    state = Trunkline.V1.PhoneNumber.State(number.state)
    webhookGeneration = number.webhookGeneration
    pendingProviderID = number.pendingProviderID?.description ?? ""
    switch number.unassignedPolicy {
    case .reject: break
    case .formerURL:
      unassignedURL = number.formerVoiceURL
      unassignedMethod = number.formerVoiceMethod.rawValue
    }
  }
}

extension Trunkline.Internal.V1.ProviderRoute {
  fileprivate init(_ provider: Registry.ProviderRoute) {
    self.init()
    id = provider.id.description
    tenantID = provider.tenant.description
    region = Trunkline.V1.Region(provider.region)
    accountSID = provider.accountSID.description
    signatureRequired = provider.requiresSignature
    credentialRevision = provider.version
    onlyCountry = provider.onlyCountry ?? ""
  }
}

extension Trunkline.Internal.V1.Sealed {
  init(_ secret: SealedSecret) {
    self.init()
    keyName = secret.keyName
    sealed = secret.bytes
  }
}

extension SealedSecret {
  init(_ sealed: Trunkline.Internal.V1.Sealed) {
    self.init(keyName: sealed.keyName, bytes: sealed.sealed)
  }
}
