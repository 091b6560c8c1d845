package import HTTPClient
package import Registry
package import Telephony

/// Twilio's numbers for sale, as the registry's port.
package struct TwilioMarket: NumberMarket {
  let transport: TwilioTransport
  private let endpoints: TwilioEndpoints

  package init(client: some HTTPSending, endpoints: TwilioEndpoints, time: some TimeSource) {
    transport = TwilioTransport(client: client, time: time)
    self.endpoints = endpoints
  }

  package func search(
    _ search: NumberSearch, _ access: CarrierAccess
  ) async throws(CarrierError) -> [MarketNumber] {
    try await asCarrierError { () async throws(TwilioFailure) -> [MarketNumber] in
      let request = try requests(access).searchNumbers(search)
      do throws(TwilioFailure) {
        return try TwilioAnswers.availableNumbers(
          try await transport.send(request, repeats: .always), search)
      } catch {
        // A country or a kind that it does not sell has no such page.
        guard error.kind == .notFound || error.code == 21452 else { throw error }
        return []
      }
    }
  }

  package func buy(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try await asCarrierError { () async throws(TwilioFailure) -> CarrierNumber in
      let request = try requests(access).buyNumber(order)
      let number = try TwilioAnswers.number(
        try await transport.send(request, repeats: .whenNotDone))
      // Another number than was asked for may have been bought: it is looked for.
      guard number.e164 == order.e164 else { throw .unreadable("number that was bought") }
      return number
    }
  }

  package func find(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> PurchaseSight {
    try await asCarrierError { () async throws(TwilioFailure) -> PurchaseSight in
      let request = try requests(access).findNumber(order.e164)
      let page = try TwilioAnswers.numbers(try await transport.send(request, repeats: .always))
      guard let number = page.numbers.first(where: { $0.e164 == order.e164 }) else {
        return .absent
      }
      return number.friendlyName == order.name ? .bought(number) : .othersBought
    }
  }

  package func release(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      try await transport.delete(try requests(access).releaseNumber(sid))
    }
  }

  func requests(_ access: CarrierAccess) -> TwilioRequests {
    TwilioRequests(endpoints: endpoints, access: TwilioAccess(access))
  }
}

// MARK: - Requests and answers

extension TwilioRequests {
  func searchNumbers(_ search: NumberSearch) throws(TwilioFailure) -> HTTPRequest {
    var query: Fields = [("VoiceEnabled", "true"), ("PageSize", String(search.limit))]
    if !search.areaCode.isEmpty { query.append(("AreaCode", search.areaCode)) }
    if !search.contains.isEmpty { query.append(("Contains", search.contains)) }
    return try get(
      .api, account("AvailablePhoneNumbers/\(search.country)/\(search.kind.twilioName).json"),
      query)
  }

  /// The name is what it is found by when the answer is lost.
  func buyNumber(_ order: PurchaseOrder) throws(TwilioFailure) -> HTTPRequest {
    var fields: Fields = [("PhoneNumber", order.e164.text), ("FriendlyName", order.name)]
    if !order.addressSID.isEmpty { fields.append(("AddressSid", order.addressSID)) }
    if !order.bundleSID.isEmpty { fields.append(("BundleSid", order.bundleSID)) }
    return try post(.api, account("IncomingPhoneNumbers.json"), fields)
  }

  func releaseNumber(_ sid: CarrierNumberSID) throws(TwilioFailure) -> HTTPRequest {
    try delete(.api, account("IncomingPhoneNumbers/\(sid).json"))
  }
}

extension MarketNumberKind {
  fileprivate var twilioName: String {
    switch self {
    case .local: "Local"
    case .mobile: "Mobile"
    case .tollFree: "TollFree"
    }
  }
}

extension TwilioAnswers {
  static func availableNumbers(
    _ value: JSONValue, _ search: NumberSearch
  ) throws(TwilioFailure) -> [MarketNumber] {
    guard let entries = value["available_phone_numbers"]?.array else {
      throw .unreadable("available_phone_numbers")
    }
    return entries.prefix(search.limit).compactMap { entry in
      guard let e164 = entry["phone_number"]?.string.flatMap({ try? E164($0) }) else { return nil }
      return MarketNumber(
        e164: e164, country: entry["iso_country"]?.string ?? search.country.description,
        kind: search.kind, locality: entry["locality"]?.string ?? "",
        area: entry["region"]?.string ?? "",
        addressRequirement: entry["address_requirements"]?.string.flatMap {
          MarketNumber.AddressRequirement(rawValue: $0)
        })
    }
  }
}
