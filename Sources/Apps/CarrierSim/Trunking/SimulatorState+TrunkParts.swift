internal import Telephony

/// What belongs to a trunk: origination URLs, lists, numbers, recording.
extension SimulatorState {
  mutating func trunkPart(
    _ ask: RESTRequest, _ trunk: Trunk
  ) throws(RESTError) -> SimulatorAnswer {
    let sid = ask.segments.count == 5 ? ask.segments[4] : nil
    guard ask.segments.count <= 5 else { throw .notFound(ask.path) }
    switch ask.segments[3] {
    case "OriginationUrls":
      if let sid { return try originationURL(ask, trunk, sid) }
      return try originationURLs(ask, trunk)
    case "CredentialLists": return try attachedLists(ask, trunk, sid, .credentials)
    case "IpAccessControlLists": return try attachedLists(ask, trunk, sid, .addresses)
    // Elsewhere the number's own record takes the trunk: twilio.com/docs/global-infrastructure.
    case "PhoneNumbers" where ask.region == .us1:
      if let sid { return try attachedNumber(ask, trunk, sid) }
      return try attachedNumbers(ask, trunk)
    case "Recording" where sid == nil: return try recording(ask, trunk)
    default: throw .notFound(ask.path)
    }
  }

  private func partURL(_ ask: RESTRequest, _ trunk: Trunk, _ kind: String, _ sid: String) -> JSON {
    .string("\(ask.host("trunking"))/v1/Trunks/\(trunk.sid)/\(kind)/\(sid)")
  }

  // MARK: Origination URLs

  private mutating func originationURLs(
    _ ask: RESTRequest, _ trunk: Trunk
  ) throws(RESTError) -> SimulatorAnswer {
    switch ask.method {
    case "GET":
      let page = try Page(ask, of: trunk.originationURLs.order.reversed())
      let rendered = page.items.compactMap { sid in
        trunk.originationURLs[sid].map { render($0, trunk, ask) }
      }
      return page.metaAnswer("origination_urls", rendered, host: ask.host("trunking"))
    case "POST":
      guard trunk.originationURLs.count < SimulatorLimits.originationCountMax else {
        throw .badRequest(
          21253, "A trunk has at most \(SimulatorLimits.originationCountMax) origination URLs")
      }
      for name in ["FriendlyName", "SipUrl", "Weight", "Priority", "Enabled"] {
        _ = try ask.text(required: name)
      }
      var url = Trunk.OriginationURL(
        sid: random.sid("OU"), friendlyName: "", sipURL: "", weight: 0, priority: 0,
        isEnabled: true, created: now, updated: now)
      try change(&url, ask)
      trunks[trunk.sid]?.originationURLs[url.sid] = url
      return SimulatorAnswer(201, render(url, trunk, ask))
    default: throw .notAllowed
    }
  }

  private mutating func originationURL(
    _ ask: RESTRequest, _ trunk: Trunk, _ sid: String
  ) throws(RESTError) -> SimulatorAnswer {
    guard var url = trunk.originationURLs[sid] else { throw .notFound(ask.path) }
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(url, trunk, ask))
    case "POST":
      try change(&url, ask)
      trunks[trunk.sid]?.originationURLs[sid] = url
      return SimulatorAnswer(200, render(url, trunk, ask))
    case "DELETE":
      trunks[trunk.sid]?.originationURLs[sid] = nil
      return SimulatorAnswer(204)
    default: throw .notAllowed
    }
  }

  private func change(
    _ url: inout Trunk.OriginationURL, _ ask: RESTRequest
  ) throws(RESTError) {
    url.friendlyName = try ask.name("FriendlyName") ?? url.friendlyName
    if let text = ask.form["SipUrl"] {
      let lowered = text.lowercased()
      guard lowered.hasPrefix("sip:") || lowered.hasPrefix("sips:"), text.utf8.count <= 255,
        text.utf8.count > 5, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { throw .badRequest(20001, "Invalid parameter: SipUrl \(text) is not a SIP URI") }
      url.sipURL = text
    }
    url.weight = try ask.integer("Weight", in: 0...65535) ?? url.weight
    url.priority = try ask.integer("Priority", in: 0...65535) ?? url.priority
    url.isEnabled = try ask.flag("Enabled") ?? url.isEnabled
    url.updated = now
  }

  private func render(
    _ url: Trunk.OriginationURL, _ trunk: Trunk, _ ask: RESTRequest
  ) -> JSON {
    [
      "sid": .string(url.sid), "account_sid": .string(trunk.account),
      "trunk_sid": .string(trunk.sid), "friendly_name": .string(url.friendlyName),
      "sip_url": .string(url.sipURL), "weight": .integer(url.weight),
      "priority": .integer(url.priority), "enabled": .bool(url.isEnabled),
      "date_created": .string(CarrierTime(url.created).isoDate),
      "date_updated": .string(CarrierTime(url.updated).isoDate),
      "url": partURL(ask, trunk, "OriginationUrls", url.sid),
    ]
  }

  // MARK: Lists

  private enum ListKind: String {
    case credentials = "CredentialLists"
    case addresses = "IpAccessControlLists"

    var field: String { self == .credentials ? "CredentialListSid" : "IpAccessControlListSid" }
    var key: String { self == .credentials ? "credential_lists" : "ip_access_control_lists" }
    var attached: WritableKeyPath<Trunk, [String]> {
      self == .credentials ? \.credentialLists : \.accessLists
    }
  }

  private mutating func attachedLists(
    _ ask: RESTRequest, _ trunk: Trunk, _ sid: String?, _ kind: ListKind
  ) throws(RESTError) -> SimulatorAnswer {
    let attached = trunk[keyPath: kind.attached]
    switch (ask.method, sid) {
    case ("GET", nil):
      let page = try Page(ask, of: attached.reversed())
      let rendered = page.items.compactMap { renderAttached($0, trunk, kind, ask) }
      return page.metaAnswer(kind.key, rendered, host: ask.host("trunking"))
    case ("POST", nil):
      let wanted = try ask.text(required: kind.field)
      guard let rendered = renderAttached(wanted, trunk, kind, ask) else {
        throw .badRequest(20001, "Invalid parameter: \(kind.field) \(wanted) was not found")
      }
      guard !attached.contains(wanted) else {
        throw RESTError(409, 20409, "\(wanted) is already associated with the trunk")
      }
      trunks[trunk.sid]?[keyPath: kind.attached].append(wanted)
      return SimulatorAnswer(201, rendered)
    case ("GET", let sid?) where attached.contains(sid):
      return SimulatorAnswer(200, renderAttached(sid, trunk, kind, ask))
    case ("DELETE", let sid?) where attached.contains(sid):
      trunks[trunk.sid]?[keyPath: kind.attached].removeAll { $0 == sid }
      return SimulatorAnswer(204)
    case (_, .some): throw .notFound(ask.path)
    default: throw .notAllowed
    }
  }

  /// Nil when the account has no such list in the trunk's region.
  private func renderAttached(
    _ sid: String, _ trunk: Trunk, _ kind: ListKind, _ ask: RESTRequest
  ) -> JSON? {
    let name: String
    let dates: (created: Timestamp, updated: Timestamp)
    switch kind {
    case .credentials:
      guard let list = credentialLists[sid], trunk.belongs(list.account, list.region) else {
        return nil
      }
      (name, dates) = (list.friendlyName, (list.created, list.updated))
    case .addresses:
      guard let list = accessLists[sid], trunk.belongs(list.account, list.region) else {
        return nil
      }
      (name, dates) = (list.friendlyName, (list.created, list.updated))
    }
    return [
      "sid": .string(sid), "account_sid": .string(trunk.account),
      "trunk_sid": .string(trunk.sid), "friendly_name": .string(name),
      "date_created": .string(CarrierTime(dates.created).isoDate),
      "date_updated": .string(CarrierTime(dates.updated).isoDate),
      "url": partURL(ask, trunk, kind.rawValue, sid),
    ]
  }

  // MARK: Numbers

  private mutating func attachedNumbers(
    _ ask: RESTRequest, _ trunk: Trunk
  ) throws(RESTError) -> SimulatorAnswer {
    switch ask.method {
    case "GET":
      let page = try Page(ask, of: numbers(of: trunk).reversed())
      let rendered = page.items.compactMap { numbers[$0].map { render($0, trunk, ask) } }
      return page.metaAnswer("phone_numbers", rendered, host: ask.host("trunking"))
    case "POST":
      let sid = try ask.text(required: "PhoneNumberSid")
      guard var number = numbers[sid], number.account == trunk.account else {
        throw .badRequest(20001, "Invalid parameter: PhoneNumberSid \(sid) was not found")
      }
      var record = number.configuration(in: trunk.region)
      guard record.trunkSID.isEmpty || record.trunkSID == trunk.sid else {
        throw RESTError(409, 20409, "\(sid) is associated with trunk \(record.trunkSID)")
      }
      record.trunkSID = trunk.sid
      record.applicationSID = ""
      record.updated = now
      number.configurations[trunk.region] = record
      numbers[sid] = number
      return SimulatorAnswer(201, render(number, trunk, ask))
    default: throw .notAllowed
    }
  }

  private mutating func attachedNumber(
    _ ask: RESTRequest, _ trunk: Trunk, _ sid: String
  ) throws(RESTError) -> SimulatorAnswer {
    guard var number = numbers[sid], number.account == trunk.account,
      number.configuration(in: trunk.region).trunkSID == trunk.sid
    else { throw .notFound(ask.path) }
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(number, trunk, ask))
    case "DELETE":
      var record = number.configuration(in: trunk.region)
      record.trunkSID = ""
      record.updated = now
      number.configurations[trunk.region] = record
      numbers[sid] = number
      return SimulatorAnswer(204)
    default: throw .notAllowed
    }
  }

  /// As the number's own resource, but with the dates of the newer APIs.
  private func render(_ number: CarrierNumber, _ trunk: Trunk, _ ask: RESTRequest) -> JSON {
    guard case .object(let members) = render(number, trunk.region) else { return .null }
    let record = number.configuration(in: trunk.region)
    let replaced: [String: JSON] = [
      "date_created": .string(CarrierTime(number.created).isoDate),
      "date_updated": .string(CarrierTime(record.updated).isoDate),
    ]
    var shown = members.filter { !["uri", "subresource_uris"].contains($0.name) }.map {
      JSON.Member(name: $0.name, value: replaced[$0.name] ?? $0.value)
    }
    shown.append(.init(name: "url", value: partURL(ask, trunk, "PhoneNumbers", number.sid)))
    shown.append(.init(name: "links", value: [:]))
    return .object(shown)
  }

  // MARK: Recording

  private mutating func recording(
    _ ask: RESTRequest, _ trunk: Trunk
  ) throws(RESTError) -> SimulatorAnswer {
    guard ask.method == "GET" || ask.method == "POST" else { throw .notAllowed }
    var trunk = trunk
    if ask.method == "POST" {
      trunk.recordingMode =
        try ask.word("Mode", Trunk.RecordingMode.self) ?? trunk.recordingMode
      trunk.recordingTrim =
        try ask.word("Trim", Trunk.RecordingTrim.self) ?? trunk.recordingTrim
      trunks[trunk.sid] = trunk
    }
    return SimulatorAnswer(200, recording(trunk))
  }
}
