internal import Telephony

// What is to stand outside for a number.
extension RegistryContext {
  func ingressPlan(of number: PhoneNumber) async throws(RegistryError) -> IngressPlan {
    if number.ingress == .sip {
      guard let gatewayID = number.gatewayProviderID else { throw .noGateway(number.id) }
      return .sip(SIPPlan(gatewayID: gatewayID))
    }
    guard let gatewayID = number.gatewayProviderID else {
      return .webhook(
        webhooks.voiceSettings(
          of: number.id, region: number.region, generation: number.webhookGeneration))
    }
    let gateway = try await gateway(gatewayID, tenant: number.tenant)
    return .trunk(
      TrunkPlan(
        gatewayID: gatewayID, sipHost: gateway.sipHost,
        username: outside.credentials.username(
          for: number.id, generation: number.webhookGeneration)))
  }

  /// The settings of a LiveKit provider; another can't be a gateway.
  private func gateway(
    _ id: ProviderID, tenant: TenantID
  ) async throws(RegistryError) -> LiveKitConfiguration {
    let found = try await provider(id, tenant: tenant).provider
    guard case .liveKit(let gateway) = found.configuration else { throw .notAGateway(id) }
    return gateway
  }
}

/// How the calls of a number that is imported are to come and to go.
enum IngressDraft: Sendable, Hashable {
  case webhook
  case trunk(gatewayID: ProviderID)
  /// Through the gateway that the provider names.
  case sip

  var gatewayID: ProviderID? {
    switch self {
    case .webhook, .sip: nil
    case .trunk(let id): id
    }
  }

  /// nil when something was refused.
  init?(_ request: ImportPhoneNumber, _ prefix: String, _ validator: inout Validator) {
    let field = "\(prefix)gateway_provider_id"
    switch validator.optional("\(prefix)ingress", request.ingress) {
    case nil, .webhook:
      guard request.gatewayID.isEmpty else {
        validator.refuse(
          field, .conflicting,
          "Only a number by trunk has a gateway: give ingress INGRESS_TRUNK with it, or leave it "
            + "out.")
        return nil
      }
      if case .unknown = request.ingress { return nil }
      self = .webhook
    case .sip:
      guard request.gatewayID.isEmpty else {
        validator.refuse(
          field, .conflicting, "The gateway of a SIP trunk is named by its provider: leave it out.")
        return nil
      }
      self = .sip
    case .trunk:
      guard !request.gatewayID.isEmpty else {
        validator.refuse(
          field, .required,
          "A number by trunk needs a gateway: the provider of type livekit that its calls go "
            + "through.")
        return nil
      }
      guard let id = validator.id(field, request.gatewayID, as: ProviderID.self) else {
        return nil
      }
      self = .trunk(gatewayID: id)
    }
  }
}
