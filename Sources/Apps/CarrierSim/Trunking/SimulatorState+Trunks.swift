internal import Telephony

/// `trunking.twilio.com/v1`: trunks. Their parts are in an extension of their own.
extension SimulatorState {
  mutating func trunking(_ ask: RESTRequest) throws(RESTError) -> SimulatorAnswer {
    let segments = ask.segments
    guard segments.count >= 2, segments[0] == "v1", segments[1] == "Trunks" else {
      throw .notFound(ask.path)
    }
    let account = try authorize(ask, account: ask.principal.account)
    try require(.trunks, ask)
    if segments.count == 2 {
      switch ask.method {
      case "GET": return try listTrunks(ask, account)
      case "POST": return try makeTrunk(ask, account)
      default: throw .notAllowed
      }
    }
    guard let trunk = trunks[segments[2]], trunk.belongs(account.sid, ask.region) else {
      throw .notFound(ask.path)
    }
    if segments.count > 3 { return try trunkPart(ask, trunk) }
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(trunk, ask))
    case "POST":
      var changed = trunk
      try change(&changed, ask)
      trunks[trunk.sid] = changed
      return SimulatorAnswer(200, render(changed, ask))
    case "DELETE":
      guard numbers(of: trunk).isEmpty else {
        throw .badRequest(21247, "Trunk \(trunk.sid) still has phone numbers")
      }
      trunks[trunk.sid] = nil
      return SimulatorAnswer(204)
    default: throw .notAllowed
    }
  }

  /// SIDs of the numbers whose record in the trunk's region points at it.
  func numbers(of trunk: Trunk) -> [String] {
    numberOrder.filter { numbers[$0]?.configuration(in: trunk.region).trunkSID == trunk.sid }
  }

  private func listTrunks(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    let own = trunks.newestFirst.filter { $0.belongs(account.sid, ask.region) }
    let page = try Page(ask, of: own.map(\.sid))
    let rendered = page.items.compactMap { trunks[$0].map { render($0, ask) } }
    return page.metaAnswer("trunks", rendered, host: ask.host("trunking"))
  }

  private mutating func makeTrunk(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    let count = trunks.all.count { $0.belongs(account.sid, ask.region) }
    guard count < SimulatorLimits.trunkCountMax else {
      throw .badRequest(21249, "The account has \(count) trunks; more are not allowed")
    }
    var trunk = Trunk(
      sid: random.sid("TK"), account: account.sid, region: ask.region, created: now,
      updated: now)
    try change(&trunk, ask)
    trunks[trunk.sid] = trunk
    return SimulatorAnswer(201, render(trunk, ask))
  }

  private func change(_ trunk: inout Trunk, _ ask: RESTRequest) throws(RESTError) {
    trunk.friendlyName = try ask.name("FriendlyName") ?? trunk.friendlyName
    if let name = ask.form["DomainName"]?.lowercased(), name != trunk.domainName {
      try checkDomain(name, trunk)
      trunk.domainName = name
    }
    trunk.disasterRecovery.url =
      try ask.url("DisasterRecoveryUrl") ?? trunk.disasterRecovery.url
    trunk.disasterRecovery.method =
      try ask.method("DisasterRecoveryMethod") ?? trunk.disasterRecovery.method
    trunk.transferMode =
      try ask.word("TransferMode", Trunk.TransferMode.self) ?? trunk.transferMode
    trunk.transferCallerID =
      try ask.word("TransferCallerId", Trunk.TransferCallerID.self) ?? trunk.transferCallerID
    trunk.isSecure = try ask.flag("Secure") ?? trunk.isSecure
    trunk.looksUpNames = try ask.flag("CnamLookupEnabled") ?? trunk.looksUpNames
    trunk.updated = now
  }

  /// One account may have a domain in several regions; nobody else may have it anywhere.
  private func checkDomain(_ name: String, _ trunk: Trunk) throws(RESTError) {
    if name.isEmpty { return }
    let label = name.dropLast(Trunk.domainSuffix.count)
    guard name.hasSuffix(Trunk.domainSuffix), Self.isHostName(label) else {
      throw .badRequest(
        21245, "DomainName \(name) is not a name that ends in \(Trunk.domainSuffix)")
    }
    let isTaken = trunks.all.contains { other in
      guard other.sid != trunk.sid, other.domainName == name else { return false }
      return other.account != trunk.account || other.region == trunk.region
    }
    guard !isTaken else { throw .badRequest(21248, "DomainName \(name) is already taken") }
  }

  /// Labels of letters, digits and inner hyphens.
  static func isHostName(_ text: Substring) -> Bool {
    guard !text.isEmpty, text.utf8.count <= 253 else { return false }
    return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      !label.isEmpty && label.utf8.count <= 63 && label.first != "-" && label.last != "-"
        && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
  }

  private func render(_ trunk: Trunk, _ ask: RESTRequest) -> JSON {
    let url = "\(ask.host("trunking"))/v1/Trunks/\(trunk.sid)"
    var kinds: [String] = []
    if !trunk.accessLists.isEmpty { kinds.append("IP_ACL") }
    if !trunk.credentialLists.isEmpty { kinds.append("CREDENTIAL_LIST") }
    return [
      "sid": .string(trunk.sid), "account_sid": .string(trunk.account),
      "friendly_name": .string(trunk.friendlyName),
      "domain_name": JSON(nonEmpty: trunk.domainName),
      "disaster_recovery_url": JSON(nonEmpty: trunk.disasterRecovery.url),
      "disaster_recovery_method": .string(trunk.disasterRecovery.method),
      "transfer_mode": .string(trunk.transferMode.rawValue),
      "transfer_caller_id": .string(trunk.transferCallerID.rawValue),
      "secure": .bool(trunk.isSecure), "cnam_lookup_enabled": .bool(trunk.looksUpNames),
      "symmetric_rtp_enabled": false, "recording": recording(trunk),
      "auth_type": .string(kinds.joined(separator: ",")),
      "auth_type_set": .array(kinds.map { .string($0) }),
      "date_created": .string(CarrierTime(trunk.created).isoDate),
      "date_updated": .string(CarrierTime(trunk.updated).isoDate), "url": .string(url),
      "links": [
        "origination_urls": .string(url + "/OriginationUrls"),
        "credential_lists": .string(url + "/CredentialLists"),
        "ip_access_control_lists": .string(url + "/IpAccessControlLists"),
        "phone_numbers": .string(url + "/PhoneNumbers"),
        "recording": .string(url + "/Recording"),
      ],
    ]
  }

  func recording(_ trunk: Trunk) -> JSON {
    [
      "mode": .string(trunk.recordingMode.rawValue),
      "trim": .string(trunk.recordingTrim.rawValue),
    ]
  }
}
