internal import Telephony

/// `/Accounts/{AC}/SIP/Domains`: the resource alone; no call comes in over one.
extension SimulatorState {
  mutating func sipDomains(
    _ ask: RESTRequest, _ account: Account, _ names: [String]
  ) throws(RESTError) -> SimulatorAnswer {
    let own = sipDomains.newestFirst.filter {
      $0.account == account.sid && $0.region == ask.region
    }
    if names.count > 1 {
      guard let domain = own.first(where: { $0.sid == names[1] }) else {
        throw .notFound(ask.path)
      }
      return try sipDomain(ask, domain)
    }
    switch ask.method {
    case "GET":
      let page = try Page(ask, of: own.map(\.sid))
      return page.answer("domains", page.items.compactMap { sipDomains[$0].map(render) })
    case "POST":
      guard own.count < SimulatorLimits.sipListCountMax else {
        throw .badRequest(20001, "The account has \(own.count) SIP domains")
      }
      _ = try ask.text(required: "DomainName")
      var domain = SIPDomain(
        sid: random.sid("SD"), account: account.sid, region: ask.region, domainName: "",
        created: now, updated: now)
      try change(&domain, ask)
      sipDomains[domain.sid] = domain
      return SimulatorAnswer(201, render(domain))
    default: throw .notAllowed
    }
  }

  private mutating func sipDomain(
    _ ask: RESTRequest, _ domain: SIPDomain
  ) throws(RESTError) -> SimulatorAnswer {
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(domain))
    case "POST":
      var changed = domain
      try change(&changed, ask)
      sipDomains[domain.sid] = changed
      return SimulatorAnswer(200, render(changed))
    case "DELETE":
      sipDomains[domain.sid] = nil
      return SimulatorAnswer(204)
    default: throw .notAllowed
    }
  }

  private func change(_ domain: inout SIPDomain, _ ask: RESTRequest) throws(RESTError) {
    if let name = ask.form["DomainName"]?.lowercased(), name != domain.domainName {
      guard name.hasSuffix(SIPDomain.suffix),
        Self.isHostName(name.dropLast(SIPDomain.suffix.count))
      else {
        throw .badRequest(21232, "DomainName \(name) does not end in \(SIPDomain.suffix)")
      }
      let isTaken = sipDomains.all.contains { other in
        guard other.sid != domain.sid, other.domainName == name else { return false }
        return other.account != domain.account || other.region == domain.region
      }
      guard !isTaken else { throw .badRequest(21232, "DomainName \(name) is already taken") }
      domain.domainName = name
    }
    domain.friendlyName = try ask.name("FriendlyName") ?? domain.friendlyName
    domain.voice.url = try ask.url("VoiceUrl") ?? domain.voice.url
    domain.voice.method = try ask.method("VoiceMethod") ?? domain.voice.method
    domain.voice.fallbackURL = try ask.url("VoiceFallbackUrl") ?? domain.voice.fallbackURL
    domain.voice.fallbackMethod =
      try ask.method("VoiceFallbackMethod") ?? domain.voice.fallbackMethod
    domain.statusCallback = try ask.url("VoiceStatusCallbackUrl") ?? domain.statusCallback
    domain.isSecure = try ask.flag("Secure") ?? domain.isSecure
    domain.takesRegistrations = try ask.flag("SipRegistration") ?? domain.takesRegistrations
    domain.updated = now
  }

  private func render(_ domain: SIPDomain) -> JSON {
    [
      "sid": .string(domain.sid), "account_sid": .string(domain.account),
      "domain_name": .string(domain.domainName), "friendly_name": .string(domain.friendlyName),
      "voice_url": .string(domain.voice.url), "voice_method": .string(domain.voice.method),
      "voice_fallback_url": .string(domain.voice.fallbackURL),
      "voice_fallback_method": .string(domain.voice.fallbackMethod),
      "voice_status_callback_url": .string(domain.statusCallback),
      "voice_status_callback_method": "POST", "auth_type": "",
      "sip_registration": .bool(domain.takesRegistrations), "secure": .bool(domain.isSecure),
      "emergency_calling_enabled": false, "byoc_trunk_sid": .null,
      "emergency_caller_sid": .null, "api_version": "2010-04-01",
      "date_created": .string(CarrierTime(domain.created).mailDate),
      "date_updated": .string(CarrierTime(domain.updated).mailDate),
      "subresource_uris": [:], "uri": sipURI(domain.account, "Domains/\(domain.sid)"),
    ]
  }
}
