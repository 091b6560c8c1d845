internal import LiveKitAPI

/// `livekit.SIP`: trunks.
extension SimulatorState {
  // MARK: Inbound

  mutating func createInboundTrunk(
    _ request: Livekit.CreateSIPInboundTrunkRequest
  ) throws(TwirpError) -> Livekit.SIPInboundTrunkInfo {
    guard var trunk = request.trunk else { throw .invalid("missing trunk") }
    guard trunk.sipTrunkID.isEmpty else { throw .invalid("trunk ID must be empty") }
    try check(trunk)
    try checkRoom(livekit.inboundTrunks.count, "trunks")
    trunk.sipTrunkID = livekitID("ST_")
    (trunk.createdAt, trunk.updatedAt) = (livekitTime, livekitTime)
    livekit.inboundTrunks[trunk.sipTrunkID] = trunk
    return trunk
  }

  mutating func updateInboundTrunk(
    _ request: Livekit.UpdateSIPInboundTrunkRequest
  ) throws(TwirpError) -> Livekit.SIPInboundTrunkInfo {
    guard let former = livekit.inboundTrunks[request.sipTrunkID] else {
      throw .missing("sip trunk")
    }
    var trunk = former
    switch request.action {
    case .replace(let new):
      guard [former.sipTrunkID, ""].contains(new.sipTrunkID) else {
        throw .invalid("trunk ID must be empty or match")
      }
      trunk = new
    case .update(let update): try apply(update, to: &trunk)
    case nil: throw .invalid("missing or unsupported action")
    }
    trunk.sipTrunkID = former.sipTrunkID
    (trunk.createdAt, trunk.updatedAt) = (former.createdAt, livekitTime)
    try check(trunk)
    livekit.inboundTrunks[trunk.sipTrunkID] = trunk
    return trunk
  }

  private func apply(
    _ update: Livekit.SIPInboundTrunkUpdate, to trunk: inout Livekit.SIPInboundTrunkInfo
  ) throws(TwirpError) {
    trunk.numbers = try changed(trunk.numbers, update.numbers)
    trunk.allowedAddresses = try changed(trunk.allowedAddresses, update.allowedAddresses)
    trunk.allowedNumbers = try changed(trunk.allowedNumbers, update.allowedNumbers)
    trunk.authUsername = update.authUsername ?? trunk.authUsername
    trunk.authPassword = update.authPassword ?? trunk.authPassword
    trunk.authRealm = update.authRealm ?? trunk.authRealm
    trunk.name = update.name ?? trunk.name
    trunk.metadata = update.metadata ?? trunk.metadata
    trunk.mediaEncryption = update.mediaEncryption ?? trunk.mediaEncryption
    trunk.media = update.media ?? trunk.media
  }

  private func check(_ trunk: Livekit.SIPInboundTrunkInfo) throws(TwirpError) {
    let hasAuth = !trunk.authUsername.isEmpty && !trunk.authPassword.isEmpty
    guard !trunk.numbers.isEmpty || !trunk.allowedAddresses.isEmpty || hasAuth else {
      throw .invalid(
        "for security, one of the fields must be set: numbers, allowed_addresses, auth_username")
    }
    try checkAuth(trunk.authUsername, trunk.authPassword)
    for other in livekit.inboundTrunks.all where other.sipTrunkID != trunk.sipTrunkID {
      let numbers = Set(Self.keys(trunk.numbers)).intersection(Self.keys(other.numbers))
      let callers = Set(Self.keys(trunk.allowedNumbers)).intersection(
        Self.keys(other.allowedNumbers))
      guard numbers.isEmpty || callers.isEmpty else {
        throw .invalid(
          "Conflicting inbound SIP Trunks: \(Self.shown(trunk.sipTrunkID)) and "
            + "\(other.sipTrunkID), using the same number(s) \(numbers.sorted())")
      }
    }
  }

  static func shown(_ id: String) -> String { id.isEmpty ? "<new>" : id }

  private func checkAuth(_ user: String, _ password: String) throws(TwirpError) {
    guard user.isEmpty == password.isEmpty else {
      throw .invalid("auth_username and auth_password are set together or not at all")
    }
  }

  func checkRoom(_ count: Int, _ what: String) throws(TwirpError) {
    guard count < SimulatorLimits.livekitEntryCountMax else {
      throw TwirpError(.resourceExhausted, "there are \(count) \(what)")
    }
  }

  func getInboundTrunk(
    _ request: Livekit.GetSIPInboundTrunkRequest
  ) throws(TwirpError) -> Livekit.GetSIPInboundTrunkResponse {
    guard let trunk = livekit.inboundTrunks[request.sipTrunkID] else {
      throw .missing("sip trunk")
    }
    return .init(trunk: trunk)
  }

  func listInboundTrunks(
    _ request: Livekit.ListSIPInboundTrunkRequest
  ) throws(TwirpError) -> Livekit.ListSIPInboundTrunkResponse {
    let wanted = Set(request.numbers.map(Self.normalized))
    func isWanted(_ trunk: Livekit.SIPInboundTrunkInfo) -> Bool {
      wanted.isEmpty || trunk.numbers.isEmpty
        || !wanted.isDisjoint(with: trunk.numbers.map(Self.normalized))
    }
    if !request.trunkIDs.isEmpty {
      let items = request.trunkIDs.map { livekit.inboundTrunks[$0] ?? .init() }
      return .init(items: items.filter(isWanted))
    }
    let chosen = livekit.inboundTrunks.all.filter(isWanted)
    return .init(items: try livekitPage(chosen, request.page) { $0.sipTrunkID })
  }

  // MARK: Outbound

  mutating func createOutboundTrunk(
    _ request: Livekit.CreateSIPOutboundTrunkRequest
  ) throws(TwirpError) -> Livekit.SIPOutboundTrunkInfo {
    guard var trunk = request.trunk else { throw .invalid("missing trunk") }
    guard trunk.sipTrunkID.isEmpty else { throw .invalid("trunk ID must be empty") }
    try check(trunk)
    try checkRoom(livekit.outboundTrunks.count, "trunks")
    trunk.sipTrunkID = livekitID("ST_")
    (trunk.createdAt, trunk.updatedAt) = (livekitTime, livekitTime)
    livekit.outboundTrunks[trunk.sipTrunkID] = trunk
    return trunk
  }

  mutating func updateOutboundTrunk(
    _ request: Livekit.UpdateSIPOutboundTrunkRequest
  ) throws(TwirpError) -> Livekit.SIPOutboundTrunkInfo {
    guard let former = livekit.outboundTrunks[request.sipTrunkID] else {
      throw .missing("sip trunk")
    }
    var trunk = former
    switch request.action {
    case .replace(let new):
      guard [former.sipTrunkID, ""].contains(new.sipTrunkID) else {
        throw .invalid("trunk ID must be empty or match")
      }
      trunk = new
    case .update(let update): try apply(update, to: &trunk)
    case nil: throw .invalid("missing or unsupported action")
    }
    trunk.sipTrunkID = former.sipTrunkID
    (trunk.createdAt, trunk.updatedAt) = (former.createdAt, livekitTime)
    try check(trunk)
    livekit.outboundTrunks[trunk.sipTrunkID] = trunk
    return trunk
  }

  private func apply(
    _ update: Livekit.SIPOutboundTrunkUpdate, to trunk: inout Livekit.SIPOutboundTrunkInfo
  ) throws(TwirpError) {
    trunk.numbers = try changed(trunk.numbers, update.numbers)
    trunk.address = update.address ?? trunk.address
    trunk.transport = update.transport ?? trunk.transport
    trunk.destinationCountry = update.destinationCountry ?? trunk.destinationCountry
    trunk.authUsername = update.authUsername ?? trunk.authUsername
    trunk.authPassword = update.authPassword ?? trunk.authPassword
    trunk.name = update.name ?? trunk.name
    trunk.metadata = update.metadata ?? trunk.metadata
    trunk.mediaEncryption = update.mediaEncryption ?? trunk.mediaEncryption
    trunk.media = update.media ?? trunk.media
    trunk.fromHost = update.fromHost ?? trunk.fromHost
  }

  private func check(_ trunk: Livekit.SIPOutboundTrunkInfo) throws(TwirpError) {
    guard !trunk.numbers.isEmpty else { throw .invalid("no trunk numbers specified") }
    try Self.checkAddress(trunk.address)
    try checkAuth(trunk.authUsername, trunk.authPassword)
  }

  /// A host or host:port: no scheme, no user, no parameter.
  static func checkAddress(_ address: String) throws(TwirpError) {
    guard !address.isEmpty else { throw .invalid("no outbound address specified") }
    guard !address.lowercased().hasPrefix("sip:"), !address.lowercased().hasPrefix("sips:"),
      !address.contains("@"), !address.contains(";"), !address.contains("/")
    else {
      throw .invalid("trunk address should be a hostname or IP, not SIP URI: \(address)")
    }
  }

  func getOutboundTrunk(
    _ request: Livekit.GetSIPOutboundTrunkRequest
  ) throws(TwirpError) -> Livekit.GetSIPOutboundTrunkResponse {
    guard let trunk = livekit.outboundTrunks[request.sipTrunkID] else {
      throw .missing("sip trunk")
    }
    return .init(trunk: trunk)
  }

  func listOutboundTrunks(
    _ request: Livekit.ListSIPOutboundTrunkRequest
  ) throws(TwirpError) -> Livekit.ListSIPOutboundTrunkResponse {
    let wanted = Set(request.numbers.map(Self.normalized))
    func isWanted(_ trunk: Livekit.SIPOutboundTrunkInfo) -> Bool {
      wanted.isEmpty || trunk.numbers.isEmpty
        || !wanted.isDisjoint(with: trunk.numbers.map(Self.normalized))
    }
    if !request.trunkIDs.isEmpty {
      let items = request.trunkIDs.map { livekit.outboundTrunks[$0] ?? .init() }
      return .init(items: items.filter(isWanted))
    }
    let chosen = livekit.outboundTrunks.all.filter(isWanted)
    return .init(items: try livekitPage(chosen, request.page) { $0.sipTrunkID })
  }

  // MARK: Either

  mutating func deleteTrunk(
    _ request: Livekit.DeleteSIPTrunkRequest
  ) throws(TwirpError) -> Livekit.SIPTrunkInfo {
    if let trunk = livekit.inboundTrunks[request.sipTrunkID] {
      livekit.inboundTrunks[request.sipTrunkID] = nil
      return .init(
        sipTrunkID: trunk.sipTrunkID, kind: .trunkInbound,
        inboundAddresses: trunk.allowedAddresses, inboundNumbers: trunk.allowedNumbers,
        inboundUsername: trunk.authUsername, inboundPassword: trunk.authPassword,
        name: trunk.name, metadata: trunk.metadata)
    }
    guard let trunk = livekit.outboundTrunks[request.sipTrunkID] else {
      throw .missing("sip trunk")
    }
    livekit.outboundTrunks[request.sipTrunkID] = nil
    return .init(
      sipTrunkID: trunk.sipTrunkID, kind: .trunkOutbound, outboundAddress: trunk.address,
      outboundNumber: trunk.numbers.first ?? "", transport: trunk.transport,
      outboundUsername: trunk.authUsername, outboundPassword: trunk.authPassword,
      name: trunk.name, metadata: trunk.metadata)
  }
}
