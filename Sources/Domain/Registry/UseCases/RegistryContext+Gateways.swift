internal import Telephony

// LiveKit servers and the SIP trunks that they signal for.

extension RegistryContext {
  /// Tries what a creation brings, as far as anybody can tell.
  func tryOut(_ draft: ProviderDraft, _ tenant: TenantID) async throws(RegistryError) {
    switch draft.configuration {
    case .twilio(let twilio): try await probe(twilio, in: draft.region)
    case .liveKit(let gateway): try await probe(gateway: gateway.access())
    case .sipTrunk(let trunk): try await checkGateway(trunk.gatewayID, tenant)
    }
  }

  /// Tries each way to authenticate that was given.
  func probe(_ twilio: TwilioDraft, in region: Region) async throws(RegistryError) {
    for access in twilio.credentials.all(account: twilio.accountSID, region: region) {
      try await probe(access)
    }
  }

  /// Tries a LiveKit server's credentials.
  func probe(gateway access: GatewayAccess) async throws(RegistryError) {
    do {
      try await gateway.probe(access)
    } catch {
      var failure = CarrierFailure(error)
      // Where trunks can't be listed, none are kept.
      if failure.kind == .notFound || failure.kind == .invalidRequest {
        failure.kind = .unreadableAnswer
      }
      throw .gateway(failure)
    }
  }

  /// Refuses what is no LiveKit provider of the tenant; nil is fine.
  func checkGateway(_ id: ProviderID?, _ tenant: TenantID) async throws(RegistryError) {
    guard let id else { return }
    let found = try await provider(id, tenant: tenant).provider
    guard found.kind == .liveKit else { throw .notAGateway(id) }
  }

  /// A LiveKit provider's key, opened for one use.
  func gatewayAccess(_ provider: Provider) throws(RegistryError) -> GatewayAccess {
    guard provider.kind == .liveKit else { throw .notAGateway(provider.id) }
    do {
      return try provider.gatewayAccess(sealer)
    } catch {
      throw RegistryError(error)
    }
  }

  // MARK: Sealing

  /// What was given, for a provider of this id.
  func sealed(
    _ draft: ConfigurationDraft, of id: ProviderID, _ owner: SecretOwner,
    under dataKey: inout SealedDataKey?
  ) throws(RegistryError) -> ProviderConfiguration {
    switch draft {
    case .twilio(let draft):
      var twilio = TwilioConfiguration(
        accountSID: draft.accountSID, apiKey: nil, authToken: nil)
      if let key = draft.credentials.apiKey {
        let sealed = try seal(key.secret, .apiKeySecret(id), of: owner, under: &dataKey)
        twilio.apiKey = SealedAPIKey(sid: key.sid, secret: sealed)
      }
      if let token = draft.credentials.authToken {
        twilio.authToken = try seal(token, .authToken(id), of: owner, under: &dataKey)
      }
      return .twilio(twilio)
    case .liveKit(let draft):
      let secret = try seal(draft.apiSecret, .liveKitSecret(id), of: owner, under: &dataKey)
      return .liveKit(
        LiveKitConfiguration(
          url: draft.url, apiKey: draft.apiKey, apiSecret: secret, givenSIPHost: draft.sipHost))
    case .sipTrunk(let draft):
      var outbound: SIPTrunkConfiguration.Outbound?
      if let given = draft.outbound {
        outbound = try sealed(given, nil, of: id, owner, under: &dataKey)
      }
      var inbound: SIPTrunkConfiguration.Inbound?
      if let given = draft.inbound {
        inbound = try sealed(given, nil, of: id, owner, under: &dataKey)
      }
      return .sipTrunk(
        SIPTrunkConfiguration(outbound: outbound, inbound: inbound, gatewayID: draft.gatewayID))
    }
  }

  /// - Parameter present: whose login is kept where the draft says so.
  func sealed(
    _ draft: SIPTrunkDraft.Outbound, _ present: SIPTrunkConfiguration.Outbound?,
    of id: ProviderID, _ owner: SecretOwner, under dataKey: inout SealedDataKey?
  ) throws(RegistryError) -> SIPTrunkConfiguration.Outbound {
    SIPTrunkConfiguration.Outbound(
      address: draft.address, transport: draft.transport, encryption: draft.encryption,
      headers: draft.headers,
      login: try sealed(
        draft.login, present?.login, .outboundPassword(id), owner, under: &dataKey))
  }

  /// - Parameter present: whose login is kept where the draft says so.
  func sealed(
    _ draft: SIPTrunkDraft.Inbound, _ present: SIPTrunkConfiguration.Inbound?,
    of id: ProviderID, _ owner: SecretOwner, under dataKey: inout SealedDataKey?
  ) throws(RegistryError) -> SIPTrunkConfiguration.Inbound {
    SIPTrunkConfiguration.Inbound(
      allowedAddresses: draft.allowedAddresses, allowedNumbers: draft.allowedNumbers,
      encryption: draft.encryption,
      login: try sealed(
        draft.login, present?.login, .inboundPassword(id), owner, under: &dataKey))
  }

  private func sealed(
    _ draft: SIPTrunkDraft.Login, _ present: SIPTrunkConfiguration.Login?,
    _ field: CredentialField, _ owner: SecretOwner, under dataKey: inout SealedDataKey?
  ) throws(RegistryError) -> SIPTrunkConfiguration.Login? {
    switch draft {
    case .none: nil
    case .kept: present
    case .given(let username, let password):
      SIPTrunkConfiguration.Login(
        username: username,
        password: try seal(password, field, of: owner, under: &dataKey))
    }
  }
}
