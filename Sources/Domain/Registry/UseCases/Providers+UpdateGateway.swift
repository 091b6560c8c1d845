internal import Telephony

// Changing LiveKit servers and SIP trunks.

extension Providers {
  static func populatedGateway(_ input: ProviderInput) -> Set<ProviderField> {
    var fields: Set<ProviderField> = []
    if let gateway = input.liveKit {
      if !gateway.apiKey.isEmpty { fields.insert(.liveKitKey) }
      if gateway.apiSecret != nil { fields.insert(.liveKitSecret) }
      if !gateway.sipHost.isEmpty { fields.insert(.sipHost) }
    }
    if let trunk = input.sipTrunk {
      if trunk.outbound != nil { fields.insert(.outbound) }
      if trunk.inbound != nil { fields.insert(.inbound) }
      if !trunk.gatewayProviderID.isEmpty { fields.insert(.gatewayID) }
    }
    return fields
  }

  /// Refuses what belongs to providers of another kind.
  static func checkKind(
    _ present: Provider, _ input: ProviderInput, _ paths: [String]?, _ fields: Set<ProviderField>
  ) throws(RegistryError) {
    var validator = Validator()
    let given: ProviderKindFilter? =
      input.twilio != nil
      ? .twilio : input.sipTrunk != nil ? .sipTrunk : input.liveKit != nil ? .liveKit : nil
    if let given, given != present.kind {
      validator.refuse(
        "provider.config", .immutable,
        "The provider is of type \(present.kind.rawValue), which never changes. Create another "
          + "provider of type \(given.rawValue).")
    } else if paths?.contains("*") != true,
      let other = fields.first(where: { $0.kind ?? present.kind != present.kind })
    {
      validator.refuse(
        "update_mask", .unknown,
        "\(other.rawValue) is no field of a provider of type \(present.kind.rawValue).")
    }
    try validator.finish()
  }

  /// The provider with its new name and labels, not a new version yet.
  private func named(
    _ present: Provider, _ input: ProviderInput, _ fields: Set<ProviderField>
  ) -> Provider {
    var next = present
    if fields.contains(.displayName) { next.displayName = input.displayName }
    if fields.contains(.labels) { next.labels = input.labels }
    return next
  }

  /// As the next version, where something differs.
  private func versioned(_ next: Provider, after present: Provider) -> Provider {
    guard next != present else { return present }
    var next = next
    next.revision = present.revision.next(at: context.time.now())
    return next
  }

  // MARK: LiveKit

  func changed(
    _ present: Provider, _ gateway: LiveKitConfiguration, _ input: ProviderInput,
    _ fields: Set<ProviderField>
  ) async throws(RegistryError) -> Changed {
    var validator = Validator()
    validator.sameRegion(input, present)
    let update = input.liveKit ?? LiveKitInput()
    if !update.url.isEmpty,
      LiveKitDraft.url(update.url, allowsPlain: context.allowsPlainGateways, &validator)
        != gateway.url
    {
      validator.refuse(
        "provider.livekit.url", .immutable,
        "The address of a provider never changes: trunks of numbers are there. Create another "
          + "provider for it.")
    }
    let fresh = Self.freshKey(update, gateway, fields, &validator)
    var changed = gateway
    if fields.contains(.sipHost) {
      changed.givenSIPHost = LiveKitDraft.sipHost(update.sipHost, &validator)
    }
    try validator.finish()
    var next = named(present, input, fields)
    next.configuration = .liveKit(changed)
    guard let fresh else { return Changed(provider: versioned(next, after: present)) }
    try await context.trials.run(present.id) { () async throws(RegistryError) in
      try await context.probe(
        gateway: GatewayAccess(url: gateway.url, apiKey: fresh.key, apiSecret: fresh.secret))
    }
    changed.apiKey = fresh.key
    changed.apiSecret = try context.seal(
      fresh.secret, .liveKitSecret(present.id), of: present.secretOwner, under: &next.dataKey)
    next.configuration = .liveKit(changed)
    next.state = .active
    next.conditions = [context.credentialsAccepted()]
    return Changed(provider: versioned(next, after: present), replacesCredentials: true)
  }

  /// The key and the secret that take the place of those that are stored; nil when they stay.
  private static func freshKey(
    _ update: LiveKitInput, _ present: LiveKitConfiguration, _ fields: Set<ProviderField>,
    _ validator: inout Validator
  ) -> (key: String, secret: Secret)? {
    var key = present.apiKey
    // What a read gave, masked, means the key that is there.
    if fields.contains(.liveKitKey), update.apiKey != present.maskedAPIKey {
      _ = LiveKitDraft.check(key: update.apiKey, &validator)
      key = update.apiKey
    }
    guard fields.contains(.liveKitSecret), let secret = update.apiSecret else {
      if key != present.apiKey {
        validator.refuse(
          "provider.livekit.api_secret", .required,
          "A new key needs its secret in the same request.")
      }
      return nil
    }
    guard !secret.isEmpty else {
      validator.refuse(
        "provider.livekit.api_secret", .required,
        "Nothing would be left to authenticate with. Give the new secret, or leave it out.")
      return nil
    }
    validator.secret(
      "provider.livekit.api_secret", secret, lengthMax: RegistryLimits.secretLengthMax)
    return (key, secret)
  }

  // MARK: SIP trunks

  func changed(
    _ present: Provider, _ trunk: SIPTrunkConfiguration, _ input: ProviderInput,
    _ fields: Set<ProviderField>
  ) async throws(RegistryError) -> Changed {
    var validator = Validator()
    validator.sameRegion(input, present)
    let update = input.sipTrunk ?? SIPTrunkInput()
    var draft: (outbound: SIPTrunkDraft.Outbound?, inbound: SIPTrunkDraft.Inbound?)
    if fields.contains(.outbound), let outbound = update.outbound {
      draft.outbound = SIPTrunkDraft.outbound(outbound, trunk.outbound, &validator)
    }
    if fields.contains(.inbound), let inbound = update.inbound {
      draft.inbound = SIPTrunkDraft.inbound(inbound, trunk.inbound, &validator)
    }
    let gatewayID =
      fields.contains(.gatewayID)
      ? validator.optionalID(
        "provider.sip_trunk.gateway_provider_id", update.gatewayProviderID, as: ProviderID.self)
      : trunk.gatewayID
    SIPTrunkDraft.checkDirections(
      hasOutbound: (fields.contains(.outbound) ? update.outbound : nil) != nil
        || !fields.contains(.outbound) && trunk.outbound != nil,
      hasInbound: (fields.contains(.inbound) ? update.inbound : nil) != nil
        || !fields.contains(.inbound) && trunk.inbound != nil, &validator)
    try validator.finish()
    if gatewayID != trunk.gatewayID { try await context.checkGateway(gatewayID, present.tenant) }
    var next = named(present, input, fields)
    var changed = trunk
    changed.gatewayID = gatewayID
    if fields.contains(.outbound) {
      changed.outbound = try draft.outbound.map { (given) throws(RegistryError) in
        try context.sealed(
          given, trunk.outbound, of: present.id, present.secretOwner, under: &next.dataKey)
      }
    }
    if fields.contains(.inbound) {
      changed.inbound = try draft.inbound.map { (given) throws(RegistryError) in
        try context.sealed(
          given, trunk.inbound, of: present.id, present.secretOwner, under: &next.dataKey)
      }
    }
    guard changed != trunk else { return Changed(provider: versioned(next, after: present)) }
    // Where nobody signalled, nothing says yet what the settings were.
    var onlyGateway = trunk
    onlyGateway.gatewayID = gatewayID
    if trunk.gatewayID != nil || changed != onlyGateway { try await refuseNumbers(of: present) }
    next.configuration = .sipTrunk(changed)
    let hasNewPassword = changed.passwords.contains { !trunk.passwords.contains($0) }
    return Changed(
      provider: versioned(next, after: present), dependsOnNumbers: true,
      replacesCredentials: hasNewPassword)
  }

  /// A gateway holds trunks of the provider's numbers, which say what the provider said when they
  /// were made.
  private func refuseNumbers(of provider: Provider) async throws(RegistryError) {
    let page = try await reading { () async throws(StoreError) in
      try await context.store(of: provider.tenant).numbers(
        PhoneNumberFilter(providerID: provider.id), after: nil, limit: RegistryLimits.pageSizeMax)
    }
    if !page.isEmpty { throw .providerInUse(provider.id, numberCount: page.count) }
  }
}

extension SIPTrunkConfiguration {
  fileprivate var passwords: [SealedSecret] {
    [outbound?.login?.password, inbound?.login?.password].compactMap { $0 }
  }
}

extension Validator {
  /// Refuses another region than the provider's.
  mutating func sameRegion(_ input: ProviderInput, _ present: Provider) {
    guard let region = optional("provider.region", input.region), region != present.region else {
      return
    }
    refuse(
      "provider.region", .immutable,
      "The region of a provider never changes. Create another provider for \(region).")
  }
}
