internal import Telephony

/// What a gateway is to have of a number of a SIP trunk, its passwords in the clear. Lives as long
/// as one step.
struct GatewayTrunks: Sendable {
  var inbound: GatewayInboundTrunk?
  var outbound: GatewayOutboundTrunk?
}

extension Provider {
  /// As the provider's settings say; nothing of a provider that is no SIP trunk.
  func gatewayTrunks(
    for number: PhoneNumber, _ sealer: any SecretSealer
  ) throws(SealingError) -> GatewayTrunks {
    guard case .sipTrunk(let trunk) = configuration else { return GatewayTrunks() }
    let name = ExternalResource.name(for: number.id)
    func opened(
      _ login: SIPTrunkConfiguration.Login?, _ field: CredentialField
    ) throws(SealingError) -> Secret? {
      guard let login else { return nil }
      return try sealer.open(login.password, field, of: secretOwner, with: dataKey)
    }
    var trunks = GatewayTrunks()
    if let inbound = trunk.inbound {
      trunks.inbound = GatewayInboundTrunk(
        name: name, numbers: [number.e164.text], allowedAddresses: inbound.allowedAddresses,
        allowedNumbers: inbound.allowedNumbers.map(\.text),
        username: inbound.login?.username ?? "",
        password: try opened(inbound.login, .inboundPassword(id)), encryption: inbound.encryption)
    }
    if let outbound = trunk.outbound {
      trunks.outbound = GatewayOutboundTrunk(
        name: name, address: outbound.address, transport: outbound.transport,
        numbers: [number.e164.text], username: outbound.login?.username ?? "",
        password: try opened(outbound.login, .outboundPassword(id)), headers: outbound.headers,
        encryption: outbound.encryption)
    }
    return trunks
  }
}
