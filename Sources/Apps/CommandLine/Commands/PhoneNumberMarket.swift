internal import API
internal import GRPC

// Numbers that are bought and given up.
extension TrunklineCommands {
  private static let seller: Option<String?> = .optional(
    "provider-id", .text("prv_…"),
    "On whose account. Without it the operator's, where the operator sells numbers.")
  private static let country: Option<String?> = .optional(
    "country", .text("COUNTRY"), "The country, as US.")
  private static let kind: Option<V1.PhoneNumberType?> = .optional(
    "type", .choice(["local": .local, "mobile": .mobile, "toll-free": .tollFree]),
    "The kind of number. Without it local.")
  private static let areaCode: Option<String?> = .optional(
    "area-code", .text("DIGITS"), "Only of this area of North America, three digits.")
  private static let contains: Option<String?> = .optional(
    "contains", .text("DIGITS"), "Only with these digits in a row; * is any one.")
  private static let offerCount: Option<Int> = .value(
    "limit", .integer("N", in: 1...100), default: "20", "Show at most so many.")
  private static let newAgentID: Option<String?> = .optional(
    "agent-id", .text("AGENT_ID"), "The agent that is to have it.")
  private static let addressSID: Option<String?> = .optional(
    "address-sid", .text("AD…"), "The buyer's address at the carrier, where it wants one.")
  private static let bundleSID: Option<String?> = .optional(
    "bundle-sid", .text("BU…"), "The buyer's papers at the carrier, where it wants them.")
  private static let isOutboundOnly: Option<Bool> = .flag(
    "no-inbound", "Handle no calls to the number here.")
  private static let isInboundOnly: Option<Bool> = .flag(
    "no-outbound", "Place no calls from the number.")
  private static let confirmsPurchase: Option<Bool> = .flag(
    "confirm-purchase", "The account's owner is to pay for the number.")
  private static let confirmsRelease: Option<Bool> = .flag(
    "confirm-release", "The number is to be given up for good.")
  private static let waits: Option<Bool> = .flag(
    "wait", "Wait until the work is over, and show how it ended.")
  private static let wanted: Positional<String?> = .optional(
    "NUMBER", .text("NUMBER"), "The number in E.164 form; without it the first that fits.")

  static let searchNumbers = Command<SessionAction>.action(
    "search", "Shows numbers that can be bought.",
    options: [seller, country, kind, areaCode, contains, offerCount]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.SearchAvailablePhoneNumbersRequest()
    request.providerID = try arguments.value(seller) ?? ""
    request.country = try requiredCountry(arguments)
    request.type = try arguments.value(kind) ?? .unspecified
    request.areaCode = try arguments.value(areaCode) ?? ""
    request.contains = try arguments.value(contains) ?? ""
    request.limit = Int32(try arguments.value(offerCount))
    let sent = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.searchAvailablePhoneNumbers(sent, options: options)
      }
      try session.show(answer) { answer in
        var table = Table(["NUMBER", "COUNTRY", "TYPE", "PLACE", "NEEDS ADDRESS"])
        for number in answer.numbers {
          let place = [number.locality, number.administrativeArea].filter { !$0.isEmpty }
          table.append([
            number.e164, number.country,
            shortName(number.type, prefix: "PHONE_NUMBER_TYPE_"),
            place.joined(separator: ", "),
            shortName(number.addressRequirement, prefix: "ADDRESS_REQUIREMENT_"),
          ])
        }
        return table.text
      }
    }
  }

  static let provisionNumber = Command<SessionAction>.action(
    "provision", "Buys a number and makes its calls come to Trunkline.",
    discussion: "It costs the account's owner money, so that it needs --confirm-purchase. With the "
      + "same --request-id nothing is bought again. What was bought stays, also when it can't be "
      + "set up: repair goes on, and only release gives it up.",
    options: [
      seller, country, kind, areaCode, contains, label, Shared.labels, newAgentID, isOutboundOnly,
      isInboundOnly, addressSID, bundleSID, confirmsPurchase, Shared.requestID,
      Shared.validateOnly, waits,
    ], positionals: [wanted]
  ) { (arguments) throws(ArgumentError) in
    let template = try purchase(arguments)
    let givenID = try arguments.value(Shared.requestID)
    let waits = try arguments.value(waits)
    return SessionAction { (session) async throws(CommandFailure) in
      var request = template
      request.requestID = givenID ?? session.makeRequestID()
      let sent = request
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      var answer = try await session.call(.whenUnavailable(requestID: sent.requestID)) {
        (options) async throws(RPCError) in
        try await client.provisionPhoneNumber(sent, options: options)
      }
      if waits { answer.operation = try await session.end(of: answer.operation) }
      try session.show(answer) { answer in
        answer.operation.map { record($0) }
          ?? "It can be bought:\n\(record(answer.phoneNumber))"
      }
    }
  }

  private static func purchase(
    _ arguments: Arguments
  ) throws(ArgumentError) -> V1.ProvisionPhoneNumberRequest {
    var request = V1.ProvisionPhoneNumberRequest()
    request.providerID = try arguments.value(seller) ?? ""
    if let number = try arguments.value(wanted) {
      guard !arguments.isGiven(country), !arguments.isGiven(kind), !arguments.isGiven(areaCode),
        !arguments.isGiven(contains)
      else {
        throw .conflict("Give a number, or --country and the like, not both.")
      }
      request.choice = .e164(number)
    } else {
      var criteria = V1.ProvisionPhoneNumberRequest.Criteria()
      criteria.country = try requiredCountry(arguments)
      criteria.type = try arguments.value(kind) ?? .unspecified
      criteria.areaCode = try arguments.value(areaCode) ?? ""
      criteria.contains = try arguments.value(contains) ?? ""
      request.choice = .criteria(criteria)
    }
    request.label = try arguments.value(label) ?? ""
    request.labels = try arguments.value(Shared.labels)
    request.agentID = try arguments.value(newAgentID) ?? ""
    if try arguments.value(isOutboundOnly) { request.supportsInbound = false }
    if try arguments.value(isInboundOnly) { request.supportsOutbound = false }
    request.addressSID = try arguments.value(addressSID) ?? ""
    request.bundleSID = try arguments.value(bundleSID) ?? ""
    request.confirmPurchase = try arguments.value(confirmsPurchase)
    request.validateOnly = try arguments.value(Shared.validateOnly)
    return request
  }

  private static func requiredCountry(_ arguments: Arguments) throws(ArgumentError) -> String {
    guard let country = try arguments.value(country) else {
      throw .optionMissing("--country", environment: nil)
    }
    return country
  }

  static let releaseNumber = Command<SessionAction>.action(
    "release", "Gives up a number that was bought here.",
    discussion: "It can't be had back. It must be unassigned first. A number that was imported is "
      + "deleted, which leaves it with its account.",
    options: [Shared.etag, confirmsRelease, Shared.requestID, waits], positionals: [numberID]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.ReleasePhoneNumberRequest()
    request.id = try arguments.value(numberID)
    request.etag = try arguments.value(Shared.etag) ?? ""
    request.confirmRelease = try arguments.value(confirmsRelease)
    let givenID = try arguments.value(Shared.requestID)
    let (template, waits) = (request, try arguments.value(waits))
    return SessionAction { (session) async throws(CommandFailure) in
      var request = template
      request.requestID = givenID ?? session.makeRequestID()
      let sent = request
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      var answer = try await session.call(.whenUnavailable(requestID: sent.requestID)) {
        (options) async throws(RPCError) in
        try await client.releasePhoneNumber(sent, options: options)
      }
      if waits { answer.operation = try await session.end(of: answer.operation) }
      try session.show(answer) { record($0.operation) }
    }
  }
}
