internal import Telephony

/// Routes: which region takes a number's inbound calls.
///
/// Source: twilio.com/docs/global-infrastructure/inbound-processing-api.
extension SimulatorState {
  mutating func routes(_ ask: RESTRequest) throws(RESTError) -> SimulatorAnswer {
    guard ask.segments.count == 3, ask.segments[0] == "v2", ask.segments[1] == "PhoneNumbers"
    else { throw .notFound(ask.path) }
    let account = try authorize(ask, account: ask.principal.account)
    try require(.routes, ask)
    let name = ask.segments[2]
    guard let sid = numbers[name] == nil ? numberByE164[name] : name,
      var number = numbers[sid], number.account == account.sid
    else { throw .notFound(ask.path) }
    switch ask.method {
    case "GET":
      guard let route = number.route else { throw .notFound(ask.path) }
      return SimulatorAnswer(200, render(route, of: number))
    case "POST":
      let region = ask.form["VoiceRegion"].flatMap(Region.init(rawValue:))
      if ask.form["VoiceRegion"] != nil || number.route == nil {
        guard let region else {
          throw .badRequest(20001, "Invalid parameter: VoiceRegion must be us1, ie1 or au1")
        }
        setRoute(&number, region)
      }
      if let name = ask.form["FriendlyName"] { number.route?.friendlyName = name }
      numbers[sid] = number
      guard let route = number.route else { throw .notFound(ask.path) }
      return SimulatorAnswer(200, render(route, of: number))
    default: throw .notAllowed
    }
  }

  /// Sets the region from which on the change spreads; the calls follow it late.
  mutating func setRoute(_ number: inout CarrierNumber, _ region: Region) {
    let former = number.route.map { $0.effective <= now ? $0.region : $0.former } ?? .us1
    var route =
      number.route
      ?? CarrierNumber.Route(
        sid: random.sid("QQ"), region: region, former: former, effective: now, created: now,
        updated: now)
    route.former = former
    route.region = region
    route.effective = now.advanced(by: settings.routePropagation)
    route.updated = now
    number.route = route
  }

  /// Where a call to the number lands at this moment.
  mutating func landingRegion(_ number: CarrierNumber) -> Region {
    guard let route = number.route else { return .us1 }
    guard now < route.effective, route.former != route.region else { return route.region }
    switch settings.duringPropagation {
    case .old: return route.former
    case .new: return route.region
    case .alternate:
      routeAlternation.toggle()
      return routeAlternation ? route.former : route.region
    }
  }

  private func render(_ route: CarrierNumber.Route, of number: CarrierNumber) -> JSON {
    [
      "phone_number": .string(number.phoneNumber), "sid": .string(route.sid),
      "account_sid": .string(number.account), "friendly_name": .string(route.friendlyName),
      "voice_region": .string(route.region.rawValue),
      "date_created": .string(CarrierTime(route.created).isoDate),
      "date_updated": .string(CarrierTime(route.updated).isoDate),
      "url": .string("https://routes.twilio.com/v2/PhoneNumbers/\(number.phoneNumber)"),
    ]
  }
}
