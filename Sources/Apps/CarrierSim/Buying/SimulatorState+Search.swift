internal import Telephony

/// `/Accounts/{AC}/AvailablePhoneNumbers`: what can be bought.
extension SimulatorState {
  /// `names` are the path's segments behind the resource, without `.json`.
  func availableNumbers(
    _ ask: RESTRequest, _ account: Account, _ names: [String]
  ) throws(RESTError) -> SimulatorAnswer {
    guard ask.method == "GET" else { throw .notAllowed }
    let countries = Set(stock.all.map(\.country)).sorted()
    if names.isEmpty {
      let page = try Page(ask, of: countries)
      return page.answer("countries", page.items.map { renderStock(of: $0, account) })
    }
    guard countries.contains(names[0]) else { throw .notFound(ask.path) }
    if names.count == 1 { return SimulatorAnswer(200, renderStock(of: names[0], account)) }
    guard names.count == 2, let kind = AvailableNumber.Kind(rawValue: names[1]),
      stock.all.contains(where: { $0.country == names[0] && $0.kind == kind })
    else { throw .notFound(ask.path) }
    let size = ask.query["PageSize"].flatMap { Int($0) } ?? 30
    guard (1...1000).contains(size) else { throw .badRequest(20001, "Invalid PageSize") }
    let matching = stock.all.filter { number in
      number.country == names[0] && number.kind == kind && fits(number, ask.query)
    }
    return SimulatorAnswer(
      200,
      [
        "available_phone_numbers": .array(matching.prefix(size).map(render)),
        "uri": .string(ask.path),
      ])
  }

  private func fits(_ number: AvailableNumber, _ query: FormFields) -> Bool {
    func has(_ name: String, _ value: String) -> Bool {
      (query[name] ?? value).lowercased() == value.lowercased()
    }
    func excludes(_ name: String) -> Bool { query[name]?.lowercased() == "true" }
    if let area = query["AreaCode"], number.areaCode != area { return false }
    if let pattern = query["Contains"] {
      let wanted = pattern.filter { $0.isNumber || $0 == "*" }
      // In a search pattern a star is one digit.
      guard contains(number.phoneNumber.dropFirst(), wanted) else { return false }
    }
    let need = number.addressRequirement
    if excludes("ExcludeAllAddressRequired"), need != .none { return false }
    if excludes("ExcludeLocalAddressRequired"), need == .local { return false }
    if excludes("ExcludeForeignAddressRequired"), need == .foreign { return false }
    return has("InRegion", number.region) && has("InLocality", number.locality)
      && has("VoiceEnabled", "true") && has("SmsEnabled", "true") && has("MmsEnabled", "false")
      && has("FaxEnabled", "false")
  }

  private func contains(_ digits: Substring, _ pattern: String) -> Bool {
    let digits = Array(digits)
    let pattern = Array(pattern)
    guard pattern.count <= digits.count else { return false }
    return (0...(digits.count - pattern.count)).contains { start in
      pattern.indices.allSatisfy { pattern[$0] == "*" || pattern[$0] == digits[start + $0] }
    }
  }

  private func renderStock(of country: String, _ account: Account) -> JSON {
    let path = "/2010-04-01/Accounts/\(account.sid)/AvailablePhoneNumbers/\(country)"
    let kinds = AvailableNumber.Kind.allCases.filter { kind in
      stock.all.contains { $0.country == country && $0.kind == kind }
    }
    let parts = kinds.map { kind in
      let name =
        switch kind {
        case .local: "local"
        case .mobile: "mobile"
        case .tollFree: "toll_free"
        }
      return JSON.Member(name: name, value: .string("\(path)/\(kind.rawValue).json"))
    }
    return [
      "country_code": .string(country),
      "country": .string(Country.named(country)?.name ?? country), "beta": false,
      "uri": .string(path + ".json"), "subresource_uris": .object(parts),
    ]
  }

  private func render(_ number: AvailableNumber) -> JSON {
    [
      "friendly_name": .string(number.phoneNumber),
      "phone_number": .string(number.phoneNumber),
      "iso_country": .string(number.country), "locality": JSON(nonEmpty: number.locality),
      "region": JSON(nonEmpty: number.region), "lata": .null, "rate_center": .null,
      "latitude": .null, "longitude": .null, "postal_code": .null,
      "address_requirements": .string(number.addressRequirement.rawValue), "beta": false,
      "capabilities": ["voice": true, "SMS": true, "MMS": false, "fax": false],
    ]
  }
}
