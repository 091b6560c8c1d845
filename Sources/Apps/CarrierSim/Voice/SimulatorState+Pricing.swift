internal import Telephony

/// `pricing.twilio.com/v2/Voice`: what a minute costs.
extension SimulatorState {
  func pricing(_ ask: RESTRequest) throws(RESTError) -> SimulatorAnswer {
    _ = try authorize(ask, account: ask.principal.account)
    try require(.pricing, ask)
    let names = ask.segments
    guard names.count >= 3, names[0] == "v2", names[1] == "Voice" else {
      throw .notFound(ask.path)
    }
    guard ask.method == "GET" else { throw .notAllowed }
    switch (names[2], names.count) {
    case ("Countries", 3):
      let page = try Page(ask, of: Country.all.map(\.iso))
      let rendered = page.items.compactMap { iso in
        Country.named(iso).map { JSON.object(head(of: $0, ask)) }
      }
      return page.metaAnswer("countries", rendered, host: ask.host("pricing"))
    case ("Countries", 4):
      guard let country = Country.named(names[3]) else { throw .notFound(ask.path) }
      return SimulatorAnswer(200, prices(country, ask))
    case ("Numbers", 4):
      guard let country = Country.of(names[3]) else { throw .notFound(ask.path) }
      return SimulatorAnswer(200, price(names[3], country, ask))
    default: throw .notFound(ask.path)
    }
  }

  private func head(of country: Country, _ ask: RESTRequest) -> [JSON.Member] {
    [
      .init(name: "country", value: .string(country.name)),
      .init(name: "iso_country", value: .string(country.iso)),
      .init(
        name: "url",
        value: .string("\(ask.host("pricing"))/v2/Voice/Countries/\(country.iso)")),
    ]
  }

  private func amount(_ price: String) -> [JSON.Member] {
    [
      .init(name: "base_price", value: .string(price)),
      .init(name: "current_price", value: .string(price)),
    ]
  }

  private func prices(_ country: Country, _ ask: RESTRequest) -> JSON {
    let outbound: [JSON.Member] =
      amount(country.outboundPrice) + [
        .init(name: "origination_prefixes", value: ["ALL"]),
        .init(
          name: "destination_prefixes", value: .array(country.codes.map { .string($0) })),
        .init(name: "friendly_name", value: .string("Programmable Outbound Minute")),
      ]
    let inbound: [JSON.Member] =
      amount(country.inboundPrice) + [.init(name: "number_type", value: "local")]
    return .object(
      head(of: country, ask) + [
        .init(name: "outbound_prefix_prices", value: .array([.object(outbound)])),
        .init(name: "inbound_call_prices", value: .array([.object(inbound)])),
        .init(name: "price_unit", value: "USD"),
      ])
  }

  /// The inbound price is that of a number of our own.
  private func price(_ number: String, _ country: Country, _ ask: RESTRequest) -> JSON {
    let origin = ask.query["OriginationNumber"]
    let outbound =
      amount(country.outboundPrice) + [
        .init(name: "origination_prefixes", value: ["ALL"])
      ]
    let inbound = amount(country.inboundPrice) + [.init(name: "number_type", value: "local")]
    return [
      "destination_number": .string(number), "origination_number": JSON(origin),
      "country": .string(country.name), "iso_country": .string(country.iso),
      "outbound_call_prices": .array([.object(outbound)]),
      "inbound_call_price": numberByE164[number] == nil ? .null : .object(inbound),
      "price_unit": "USD",
      "url": .string("\(ask.host("pricing"))/v2/Voice/Numbers/\(number)"),
    ]
  }
}
