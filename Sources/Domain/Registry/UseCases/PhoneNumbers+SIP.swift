internal import Telephony

// Numbers of SIP trunks, for which a gateway signals.

extension PhoneNumbers {
  /// A number of a SIP trunk as if a carrier told of it: none can be asked.
  func unproven(
    _ e164: E164, of provider: Provider
  ) async throws(RegistryError) -> CarrierNumber {
    let present = try await reading { () async throws(StoreError) in
      try await context.store(of: provider.tenant).numbers(of: e164)
    }
    // One that a carrier holds for the tenant is the tenant's already.
    if let other = present.first(where: { $0.ingress != .sip }) { throw .numberExists(other.id) }
    return CarrierNumber(
      sid: .standingFor(e164), accountSID: .standingFor(provider.tenant), e164: e164,
      friendlyName: "", hasVoice: true, voice: VoiceSettings())
  }

  /// The number that is to be stored: what the trunk has no side for is off.
  func make(
    _ draft: ImportDraft, of provider: Provider, _ trunk: SIPTrunkConfiguration
  ) throws(RegistryError) -> PhoneNumber {
    var validator = Validator()
    let inbound = draft.given.inbound ?? (trunk.inbound != nil)
    let outbound = draft.given.outbound ?? (trunk.outbound != nil)
    if inbound, trunk.inbound == nil {
      validator.refuse(
        "supports_inbound", .conflicting,
        "The provider has no inbound side, so that nobody may call in. Give it one, or leave this "
          + "out.")
    }
    if outbound, trunk.outbound == nil {
      validator.refuse(
        "supports_outbound", .conflicting,
        "The provider has no outbound side, so that calls have nowhere to go. Give it one, or "
          + "leave this out.")
    }
    if !inbound, !outbound {
      let violation = PhoneNumbers.neitherDirection("supports_inbound")
      validator.refuse(violation.field, violation.reason, violation.description)
    }
    try validator.finish()
    let now = context.time.now()
    return PhoneNumber(
      id: PhoneNumberID(at: now, random: context.ids), tenant: provider.tenant,
      label: draft.label, e164: draft.e164, trunk: provider.id, region: provider.region,
      gateway: trunk.gatewayID, supportsInbound: inbound, supportsOutbound: outbound,
      state: trunk.gatewayID == nil ? .degraded : .provisioning,
      conditions: trunk.gatewayID == nil ? [.noGateway(at: now)] : [], labels: draft.labels,
      revision: Revision(createTime: now))
  }

  /// The number with the gateway that its provider names by now; refused while it names none.
  func withGateway(_ number: PhoneNumber) async throws(RegistryError) -> PhoneNumber {
    guard number.ingress == .sip, number.gatewayProviderID == nil else { return number }
    let provider = try await context.provider(number.providerID, tenant: number.tenant).provider
    guard let gateway = provider.gatewayID else { throw .noGateway(number.id) }
    var next = number
    next.gatewayProviderID = gateway
    return next
  }
}

extension ImportDraft {
  /// Refuses a way in that the provider does not have.
  func checkIngress(of provider: Provider) throws(RegistryError) {
    let isSIP = provider.kind == .sipTrunk
    let refusal: String? =
      switch ingress {
      case .sip where !isSIP:
        "Only a number of a provider of type sip_trunk comes by SIP. Leave it out."
      case .trunk where isSIP:
        "A number of a SIP trunk comes by SIP, through the gateway that its provider names. Leave "
          + "this out."
      case .webhook where isSIP && given.isWebhook:
        "A number of a SIP trunk has no webhook: it comes by SIP. Leave this out."
      default: nil
      }
    if let refusal { throw .invalidArgument([FieldViolation("ingress", .conflicting, refusal)]) }
  }
}

extension Condition {
  static func noGateway(at time: Timestamp) -> Condition {
    Condition(
      kind: .gateway, holds: false, reason: "NO_GATEWAY",
      message: "The SIP trunk names no gateway, so that nobody signals for the number. Give the "
        + "provider a gateway_provider_id, then repair the number.", observedTime: time)
  }
}
