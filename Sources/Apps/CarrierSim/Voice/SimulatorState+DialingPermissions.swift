internal import Telephony

/// `voice.twilio.com/v1`: which countries an account may call.
extension SimulatorState {
  mutating func voice(_ ask: RESTRequest) throws(RESTError) -> SimulatorAnswer {
    let account = try authorize(ask, account: ask.principal.account)
    try require(.voice, ask)
    guard ask.segments.first == "v1" else { throw .notFound(ask.path) }
    let names = Array(ask.segments.dropFirst())
    if names == ["Settings"] { return try dialingSettings(ask, account) }
    guard names.first == "DialingPermissions" else { throw .notFound(ask.path) }
    if names.dropFirst() == ["BulkCountryUpdates"] { return try bulkUpdate(ask, account) }
    guard names.count >= 2, names[1] == "Countries" else { throw .notFound(ask.path) }
    guard ask.method == "GET" else { throw .notAllowed }
    if names.count == 2 { return try listCountries(ask, account) }
    guard let country = Country.named(names[2]) else { throw .notFound(ask.path) }
    if names.count == 3 { return SimulatorAnswer(200, render(country, account, ask)) }
    guard names.count == 4, names[3] == "HighRiskSpecialPrefixes" else {
      throw .notFound(ask.path)
    }
    let page = try Page(ask, of: country.highRiskPrefixes)
    return page.metaAnswer(
      "content", page.items.map { ["prefix": .string("+" + $0)] }, host: ask.host("voice"))
  }

  // MARK: What is allowed

  /// The account's own word, else its parent's, else the simulator's setting.
  func permission(_ country: Country, _ account: Account) -> DialingPermission {
    if let own = account.dialing[country.iso] { return own }
    if account.inheritsDialing, let parent = account.parent.flatMap({ accounts[$0] }) {
      return permission(country, parent)
    }
    let isBlocked = settings.geoBlockedPrefixes.contains { prefix in
      country.codes.contains { "+" + $0 == prefix }
    }
    return DialingPermission(lowRisk: !isBlocked)
  }

  /// Whether the account may call `to`. What is no country's here is allowed.
  func mayDial(_ to: String, _ account: Account) -> Bool {
    guard !settings.geoBlockedPrefixes.contains(where: { to.hasPrefix($0) }) else { return false }
    guard to.hasPrefix("+"), let country = Country.of(to) else { return true }
    let permission = permission(country, account)
    let isHighRisk = country.highRiskPrefixes.contains { to.hasPrefix("+" + $0) }
    return isHighRisk ? permission.highRiskSpecial : permission.lowRisk
  }

  private func listCountries(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    let chosen = Country.all.filter { country in
      let permission = permission(country, account)
      func fits(_ name: String, _ value: String) -> Bool {
        (ask.query[name] ?? value).lowercased() == value.lowercased()
      }
      let code = (ask.query["CountryCode"] ?? "").drop { $0 == "+" || $0 == " " }
      return fits("IsoCode", country.iso) && fits("Continent", country.continent)
        && (code.isEmpty || country.codes.contains { $0.hasPrefix(code) })
        && fits("LowRiskNumbersEnabled", String(permission.lowRisk))
        && fits("HighRiskSpecialNumbersEnabled", String(permission.highRiskSpecial))
        && fits("HighRiskTollfraudNumbersEnabled", String(permission.highRiskTollFraud))
    }
    let page = try Page(ask, of: chosen.map(\.iso))
    let rendered = page.items.compactMap { iso in
      Country.named(iso).map { render($0, account, ask) }
    }
    return page.metaAnswer("content", rendered, host: ask.host("voice"))
  }

  private func render(_ country: Country, _ account: Account, _ ask: RESTRequest) -> JSON {
    let permission = permission(country, account)
    let url = ask.host("voice") + "/v1/DialingPermissions/Countries/" + country.iso
    return [
      "iso_code": .string(country.iso), "name": .string(country.name),
      "continent": .string(country.continent),
      "country_codes": .array(country.codes.map { .string("+" + $0) }),
      "low_risk_numbers_enabled": .bool(permission.lowRisk),
      "high_risk_special_numbers_enabled": .bool(permission.highRiskSpecial),
      "high_risk_tollfraud_numbers_enabled": .bool(permission.highRiskTollFraud),
      "url": .string(url),
      "links": ["highrisk_special_prefixes": .string(url + "/HighRiskSpecialPrefixes")],
    ]
  }

  // MARK: Changes

  private mutating func bulkUpdate(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    guard ask.method == "POST" else { throw .notAllowed }
    let text = try ask.text(required: "UpdateRequest")
    guard let updates = JSON(parsing: Array(text.utf8))?.array else {
      throw .badRequest(20001, "Invalid parameter: UpdateRequest is not a JSON list")
    }
    var changed = account
    for update in updates {
      guard let country = update["iso_code"]?.string.flatMap(Country.named) else {
        throw .badRequest(20001, "Invalid parameter: UpdateRequest names no country")
      }
      func flag(_ name: String, _ former: Bool) -> Bool {
        switch update[name] {
        case .bool(let value): value
        case .string(let text): text.lowercased() == "true"
        default: former
        }
      }
      let former = permission(country, account)
      changed.dialing[country.iso] = DialingPermission(
        lowRisk: flag("low_risk_numbers_enabled", former.lowRisk),
        highRiskSpecial: flag("high_risk_special_numbers_enabled", former.highRiskSpecial),
        highRiskTollFraud: flag("high_risk_tollfraud_numbers_enabled", former.highRiskTollFraud))
    }
    accounts[account.sid] = changed
    return SimulatorAnswer(
      201, ["update_count": .integer(updates.count), "update_request": .string(text)])
  }

  private mutating func dialingSettings(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    var account = account
    switch ask.method {
    case "GET": break
    case "POST":
      account.inheritsDialing =
        try ask.flag("DialingPermissionsInheritance") ?? account.inheritsDialing
      accounts[account.sid] = account
    default: throw .notAllowed
    }
    return SimulatorAnswer(
      ask.method == "GET" ? 200 : 202,
      [
        "dialing_permissions_inheritance": .bool(account.inheritsDialing),
        "url": .string(ask.host("voice") + "/v1/Settings"),
      ])
  }
}
