internal import Telephony

// A trunk at the carrier, and what hangs on it.
extension ResourceWork {
  func find(_ access: CarrierAccess) async throws(CarrierError) -> Sight {
    let trunks = ports.trunks
    switch wanted.kind {
    case .trunk:
      guard let sid = try await trunks.findTrunk(named: wanted.name, access) else {
        return .absent
      }
      return seen(sid.description)
    case .credentialList:
      guard let sid = try await trunks.findCredentialList(named: wanted.name, access) else {
        return .absent
      }
      return seen(sid.description)
    case .credential:
      guard let list else { return .absent }
      return try await trunks.hasCredential(wanted.value, in: list, access) ? seen("") : .absent
    case .trunkCredentialList:
      guard let list, let trunk else { return .absent }
      return try await trunks.isAttached(list, to: trunk, access)
        ? seen(list.description) : .absent
    case .originationURL:
      guard let trunk,
        let url = try await trunks.findOriginationURL(named: wanted.name, on: trunk, access)
      else { return .absent }
      return seen(
        url.sid.description, isAltered: url.sipURL != wanted.value || !url.isEnabled)
    case .gatewayInboundTrunk, .gatewayOutboundTrunk, .dispatchRule, .trunkNumber, .webhook,
      .processingRegion, .propagation, .readBack, .purchase, .release:
      preconditionFailure("A \(wanted.kind.rawValue) is not made at a carrier.")
    }
  }

  /// What it hangs on is not there.
  func isUnsupported(_ access: CarrierAccess) async throws(CarrierError) -> Bool {
    switch wanted.kind.hangsOn {
    case .trunk: try await ports.trunks.findTrunk(named: wanted.name, access) == nil
    case .credentialList:
      try await ports.trunks.findCredentialList(named: wanted.name, access) == nil
    default: false
    }
  }

  /// Gives the carrier's id.
  func create(_ access: CarrierAccess) async throws(CarrierError) -> String {
    let trunks = ports.trunks
    switch wanted.kind {
    case .trunk:
      // Not secure: a gateway need not have TLS, and a trunk that demands it takes nothing else.
      return try await trunks.createTrunk(
        named: wanted.name, domain: wanted.value, isSecure: false, access
      ).description
    case .credentialList:
      return try await trunks.createCredentialList(named: wanted.name, access).description
    case .credential:
      guard let list else { throw .nothingToHangOn }
      try await trunks.createCredential(
        wanted.value, password: try password(of: wanted.value), in: list, access)
      return ""
    case .trunkCredentialList:
      guard let list, let trunk else { throw .nothingToHangOn }
      try await trunks.attach(list, to: trunk, access)
      return list.description
    case .originationURL:
      guard let trunk else { throw .nothingToHangOn }
      return try await trunks.createOriginationURL(
        named: wanted.name, sipURL: wanted.value, on: trunk, access
      ).description
    case .gatewayInboundTrunk, .gatewayOutboundTrunk, .dispatchRule, .trunkNumber, .webhook,
      .processingRegion, .propagation, .readBack, .purchase, .release:
      preconditionFailure("A \(wanted.kind.rawValue) is not made at a carrier.")
    }
  }

  func remove(
    _ resource: ExternalResource, _ access: CarrierAccess
  ) async throws(CarrierError) {
    let trunks = ports.trunks
    switch resource.kind {
    case .trunk:
      guard let sid = try? CarrierTrunkSID(resource.externalID) else { return }
      try await trunks.deleteTrunk(sid, access)
    case .credentialList:
      guard let sid = try? CredentialListSID(resource.externalID) else { return }
      try await trunks.deleteCredentialList(sid, access)
    case .credential: break  // It goes with its list.
    case .trunkCredentialList:
      guard let list = try? CredentialListSID(resource.externalID), let trunk else { return }
      try await trunks.detach(list, from: trunk, access)
    case .originationURL:
      guard let sid = try? OriginationURLSID(resource.externalID), let trunk else { return }
      try await trunks.deleteOriginationURL(sid, on: trunk, access)
    case .gatewayInboundTrunk, .gatewayOutboundTrunk, .dispatchRule, .trunkNumber, .webhook,
      .processingRegion, .propagation, .readBack, .purchase, .release:
      preconditionFailure("A \(resource.kind.rawValue) is not made at a carrier.")
    }
  }

  func password(of username: String) throws(CarrierError) -> Secret {
    let password = ports.credentials.password(
      of: username, for: number.id, generation: number.webhookGeneration)
    guard let password else {
      throw CarrierError(
        .invalidRequest, effect: .beforeSend,
        message: "The key that made the trunk's password is not in the keyring any more.")
    }
    return password
  }

  private var trunk: CarrierTrunkSID? {
    others.resource(.trunk).flatMap { try? CarrierTrunkSID($0.externalID) }
  }

  private var list: CredentialListSID? {
    others.resource(.credentialList).flatMap { try? CredentialListSID($0.externalID) }
  }
}
