internal import Telephony

/// `POST /Accounts/{AC}/IncomingPhoneNumbers.json`: a number is bought.
extension SimulatorState {
  mutating func buyNumber(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    let owned = numbers.values.count { $0.account == account.sid }
    guard account.kind == .full || owned == 0 else {
      throw .badRequest(21404, "Trial accounts are allowed only one Twilio number")
    }
    guard account.mayBuy else {
      throw RESTError(403, 22300, "The account may not buy phone numbers")
    }
    guard numbers.count < SimulatorLimits.numberCountMax else {
      throw RESTError(429, 20429, "Too Many Requests")
    }
    let wanted = try chosen(ask)
    try checkPapers(wanted, ask)
    var number = CarrierNumber(
      sid: random.sid("PN"), account: account.sid, phoneNumber: wanted.phoneNumber,
      friendlyName: wanted.phoneNumber, configurations: [:], created: now)
    number = try update(number, ask)
    stock[wanted.phoneNumber] = nil
    numbers[number.sid] = number
    numberOrder.append(number.sid)
    numberByE164[number.phoneNumber] = number.sid
    if numbersBought.count < SimulatorLimits.numberCountMax { numbersBought.append(number.sid) }
    return SimulatorAnswer(201, render(number, ask.region))
  }

  private func chosen(_ ask: RESTRequest) throws(RESTError) -> AvailableNumber {
    if let text = ask.form["PhoneNumber"], !text.isEmpty {
      guard (try? E164(text)) != nil else {
        throw .badRequest(21421, "PhoneNumber \(text) is invalid")
      }
      guard let number = stock[text] else {
        throw .badRequest(21422, "PhoneNumber \(text) is not available")
      }
      return number
    }
    guard let area = ask.form["AreaCode"], !area.isEmpty else {
      throw .badRequest(21421, "PhoneNumber or AreaCode is required")
    }
    guard let number = stock.all.first(where: { $0.areaCode == area }) else {
      throw .badRequest(21452, "No phone numbers found in area code \(area)")
    }
    return number
  }

  /// Addresses and bundles are not kept here: any that is named will do.
  private func checkPapers(
    _ number: AvailableNumber, _ ask: RESTRequest
  ) throws(RESTError) {
    let hasAddress = ask.form["AddressSid"]?.isEmpty == false
    switch number.addressRequirement {
    case .none: break
    case .local where !hasAddress:
      throw .badRequest(21615, "The number requires a local address")
    case .any where !hasAddress, .foreign where !hasAddress:
      throw .badRequest(21631, "The number requires an address")
    case .local, .any, .foreign: break
    }
    guard !number.needsBundle || ask.form["BundleSid"]?.isEmpty == false else {
      throw .badRequest(21649, "The number requires a bundle")
    }
  }

  // MARK: Control

  /// Puts numbers up for sale.
  mutating func addStock(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request,
      [
        "phone_number", "country", "type", "locality", "region", "address_requirements",
        "needs_bundle",
      ])
    guard stock.count < SimulatorLimits.numberCountMax else {
      throw .full("numbers for sale", SimulatorLimits.numberCountMax)
    }
    let text = try body.text(required: "phone_number")
    guard (try? E164(text)) != nil else { throw .bad("phone_number is not E.164.") }
    guard numberByE164[text] == nil else { throw ControlError(409, "\(text) is somebody's.") }
    let country = try body.text("country") ?? Country.of(text)?.iso
    guard let country else { throw .bad("country is missing.") }
    var number = AvailableNumber(
      phoneNumber: text, country: country,
      kind: try body.word("type", AvailableNumber.Kind.self) ?? .local)
    number.locality = try body.text("locality") ?? ""
    number.region = try body.text("region") ?? ""
    number.addressRequirement =
      try body.word("address_requirements", AvailableNumber.AddressRequirement.self) ?? .none
    number.needsBundle = try body.flag("needs_bundle") ?? false
    stock[text] = number
    return ["phone_number": .string(text), "country": .string(country)]
  }
}
