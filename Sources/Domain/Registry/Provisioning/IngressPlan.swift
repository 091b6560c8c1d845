package import Telephony

/// What is to stand outside for a number, so that calls to it come here and calls from it go out.
package enum IngressPlan: Sendable, Hashable {
  /// The carrier asks our webhook.
  case webhook(VoiceSettings)
  /// The carrier's trunk leads to a gateway and back.
  case trunk(TrunkPlan)
  /// A gateway signals for a SIP trunk.
  case sip(SIPPlan)

  /// The steps that make it, or write it again, with the reading back at the end.
  func steps(_ aim: ProvisioningStep.Aim, for number: PhoneNumber) -> [ProvisioningStep] {
    var steps: [ProvisioningStep]
    switch self {
    case .webhook(let ours):
      steps = [ProvisioningStep(.webhook, aim, region: number.region, ours: .voice(ours))]
    case .trunk(let plan):
      steps = plan.resources(for: number).map { resource in
        ProvisioningStep(
          resource, aim, providerID: resource.kind.isAtGateway ? resource.providerID : nil)
      }
      if number.supportsInbound {
        // Which trunk that is, is known when it is made.
        steps.append(
          ProvisioningStep(
            .trunkNumber, aim, region: number.region,
            ours: .voice(number.configured ?? VoiceSettings())))
      }
    case .sip(let plan):
      steps = plan.resources(for: number).map { resource in
        ProvisioningStep(resource, aim, providerID: plan.gatewayID)
      }
      return steps + [
        ProvisioningStep(
          .readBack, .confirm, region: number.region, providerID: plan.gatewayID)
      ]
    }
    if number.supportsInbound {
      steps.append(
        ProvisioningStep(
          .processingRegion, aim, region: number.region, ours: .region(number.region)))
    }
    return steps + [ProvisioningStep(.readBack, .confirm, region: number.region)]
  }
}

/// A number of a SIP trunk for which a gateway signals.
package struct SIPPlan: Sendable, Hashable {
  /// Whose gateway it is.
  package var gatewayID: ProviderID

  package init(gatewayID: ProviderID) {
    self.gatewayID = gatewayID
  }

  /// In the order in which they are made. What they say is the provider's settings.
  package func resources(for number: PhoneNumber) -> [ExternalResource] {
    func resource(_ kind: StepKind, _ value: String = "") -> ExternalResource {
      ExternalResource(
        kind, providerID: gatewayID, region: number.region,
        name: ExternalResource.name(for: number.id), value: value)
    }
    return (number.supportsInbound ? [resource(.gatewayInboundTrunk)] : [])
      + (number.supportsOutbound ? [resource(.gatewayOutboundTrunk)] : [])
      + (number.supportsInbound ? [resource(.dispatchRule, "\(number.id)-")] : [])
  }
}

/// A number on a trunk of the carrier's that leads to a gateway.
package struct TrunkPlan: Sendable, Hashable {
  /// Whose gateway it is.
  package var gatewayID: ProviderID
  /// Where the gateway takes SIP calls: a host with an optional port.
  package var sipHost: String
  /// Who calls out through the trunk; the password belongs to it.
  package var username: String

  package init(gatewayID: ProviderID, sipHost: String, username: String) {
    self.gatewayID = gatewayID
    self.sipHost = sipHost
    self.username = username
  }

  /// Where calls to the world are sent to. At the carrier it is unique over all accounts, and a
  /// label of it has at most 63 characters.
  package static func domain(of number: PhoneNumberID) -> String {
    "trunkline-\(number.description.suffix(20)).pstn.twilio.com"
  }

  /// In the order in which they are made. A number that only calls out touches no origination.
  package func resources(for number: PhoneNumber) -> [ExternalResource] {
    let domain = Self.domain(of: number.id)
    func resource(_ kind: StepKind, _ value: String = "") -> ExternalResource {
      ExternalResource(
        kind, providerID: kind.isAtGateway ? gatewayID : number.providerID,
        region: number.region, name: ExternalResource.name(for: number.id), value: value)
    }
    let outbound = number.supportsOutbound
    let inbound = number.supportsInbound
    return [resource(.trunk, domain)]
      + (outbound
        ? [
          resource(.credentialList), resource(.credential, username),
          resource(.trunkCredentialList),
        ] : [])
      + (inbound
        ? [
          resource(.originationURL, "sip:\(sipHost);transport=tcp"),
          resource(.gatewayInboundTrunk),
        ] : [])
      + (outbound ? [resource(.gatewayOutboundTrunk, domain)] : [])
      + (inbound ? [resource(.dispatchRule, "\(number.id)-")] : [])
  }
}
