internal import Telephony

// Trunks and rules of a gateway.
extension ResourceWork {
  func find(
    everywhere: Bool, _ access: GatewayAccess
  ) async throws(CarrierError) -> Sight {
    let gateway = ports.gateway
    switch wanted.kind {
    case .gatewayInboundTrunk:
      let found = try await gateway.findInboundTrunk(
        named: wanted.name, numbers: everywhere ? [] : [number.e164.text], access)
      guard let found else { return .absent }
      return seen(found.id, isAltered: found != inboundTrunk.asShown(found.id))
    case .gatewayOutboundTrunk:
      let found = try await gateway.findOutboundTrunk(
        named: wanted.name, numbers: everywhere ? [] : [number.e164.text], access)
      guard let found else { return .absent }
      return seen(found.id, isAltered: found != outboundTrunk(nil).asShown(found.id))
    case .dispatchRule:
      let found = try await gateway.findDispatchRule(
        named: wanted.name, trunks: everywhere ? [] : inboundTrunkIDs, access)
      guard let found else { return .absent }
      var ours = dispatchRule
      ours.id = found.id
      return seen(found.id, isAltered: found != ours)
    case .trunk, .credentialList, .credential, .trunkCredentialList, .originationURL,
      .trunkNumber, .webhook, .processingRegion, .propagation, .readBack, .purchase, .release:
      preconditionFailure("A \(wanted.kind.rawValue) is not made at a gateway.")
    }
  }

  /// Gives the gateway's id.
  func create(_ access: GatewayAccess) async throws(CarrierError) -> String {
    switch wanted.kind {
    case .gatewayInboundTrunk:
      return try await ports.gateway.createInboundTrunk(inboundTrunk, access)
    case .gatewayOutboundTrunk:
      return try await ports.gateway.createOutboundTrunk(
        outboundTrunk(try outboundPassword()), access)
    case .dispatchRule:
      guard !inboundTrunkIDs.isEmpty else { throw .nothingToHangOn }
      return try await ports.gateway.createDispatchRule(dispatchRule, access)
    case .trunk, .credentialList, .credential, .trunkCredentialList, .originationURL,
      .trunkNumber, .webhook, .processingRegion, .propagation, .readBack, .purchase, .release:
      preconditionFailure("A \(wanted.kind.rawValue) is not made at a gateway.")
    }
  }

  /// Makes what was found say what it should, under its id; false where that is not possible.
  func replace(
    _ found: ExternalResource, _ access: GatewayAccess
  ) async throws(CarrierError) -> Bool {
    switch found.kind {
    case .gatewayInboundTrunk:
      try await ports.gateway.replaceInboundTrunk(found.externalID, by: inboundTrunk, access)
      return true
    case .gatewayOutboundTrunk:
      try await ports.gateway.replaceOutboundTrunk(
        found.externalID, by: outboundTrunk(try outboundPassword()), access)
      return true
    default: return false
    }
  }

  func remove(
    _ resource: ExternalResource, _ access: GatewayAccess
  ) async throws(CarrierError) {
    guard !resource.externalID.isEmpty else { return }
    if resource.kind == .dispatchRule {
      try await ports.gateway.deleteDispatchRule(resource.externalID, access)
    } else {
      try await ports.gateway.deleteTrunk(resource.externalID, access)
    }
  }

  // MARK: What is to stand there

  /// The carrier's trunk can't authenticate when it calls the gateway, and no list of the addresses
  /// from which it calls is known that could be relied on: so a call is taken by its number.
  private var inboundTrunk: GatewayInboundTrunk {
    if let trunk = trunks?.inbound { return trunk }
    return GatewayInboundTrunk(name: wanted.name, numbers: [number.e164.text])
  }

  private func outboundTrunk(_ password: Secret?) -> GatewayOutboundTrunk {
    if let trunk = trunks?.outbound { return trunk }
    return GatewayOutboundTrunk(
      name: wanted.name, address: wanted.value, numbers: [number.e164.text], username: username,
      password: password)
  }

  private var dispatchRule: GatewayDispatchRule {
    GatewayDispatchRule(
      name: wanted.name, trunkIDs: inboundTrunkIDs, roomPrefix: wanted.value,
      attributes: ["trunkline.phone_number_id": number.id.description])
  }

  private var inboundTrunkIDs: [String] {
    guard let id = others.resource(.gatewayInboundTrunk)?.externalID, !id.isEmpty else { return [] }
    return [id]
  }

  private var username: String { others.resource(.credential)?.value ?? "" }

  private func outboundPassword() throws(CarrierError) -> Secret? {
    username.isEmpty ? nil : try password(of: username)
  }
}

extension GatewayInboundTrunk {
  /// As the gateway tells of it.
  fileprivate func asShown(_ id: String) -> GatewayInboundTrunk {
    var shown = self
    shown.id = id
    shown.password = nil
    return shown
  }
}

extension GatewayOutboundTrunk {
  /// As the gateway tells of it.
  fileprivate func asShown(_ id: String) -> GatewayOutboundTrunk {
    var shown = self
    shown.id = id
    shown.password = nil
    return shown
  }
}
