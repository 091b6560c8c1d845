import HTTPClient
import Registry
import Telephony
import TestKit
import Testing

@testable import Twilio

@Suite struct TwilioMarketTests {
  private let time = InstantTime()
  private let order: PurchaseOrder

  init() throws {
    order = PurchaseOrder(e164: try Sample.e164(), name: "Front desk é")
  }

  func market(_ script: Script) -> TwilioMarket {
    TwilioMarket(client: script, endpoints: .twilio, time: time)
  }

  func failure(_ body: () async throws -> Void) async -> CarrierError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? CarrierError
    }
  }

  func body(_ request: HTTPRequest?) -> String {
    String(decoding: request?.body ?? [], as: UTF8.self)
  }

  @Test func searches() async throws {
    let script = Script(
      .json(
        200,
        """
        {"available_phone_numbers": [
          {"phone_number": "+14155550110", "iso_country": "US", "locality": "San Francisco",
           "region": "CA", "address_requirements": "local"},
          {"phone_number": "short"},
          {"phone_number": "+14155550111", "address_requirements": "new"}]}
        """))
    let country = try #require(CountryCode("US"))
    let search = NumberSearch(
      country: country, kind: .tollFree, areaCode: "415", contains: "55*", limit: 7)
    let found = try await market(script).search(search, try Sample.access())
    #expect(
      found == [
        MarketNumber(
          e164: try E164("+14155550110"), country: "US", kind: .tollFree,
          locality: "San Francisco", area: "CA", addressRequirement: .local),
        MarketNumber(
          e164: try E164("+14155550111"), country: "US", kind: .tollFree,
          addressRequirement: nil),
      ])
    #expect(
      script.sent.first?.url
        == "https://api.twilio.com/2010-04-01/Accounts/AC\(Sample.hex)/AvailablePhoneNumbers/US/"
        + "TollFree.json?VoiceEnabled=true&PageSize=7&AreaCode=415&Contains=55%2A")
  }

  @Test func sellsNothingWhereItSellsNothing() async throws {
    let search = NumberSearch(country: try #require(CountryCode("AQ")))
    for answer in [
      Result<HTTPResponse, HTTPClientError>.error(404, 20404), .error(400, 21452),
    ] {
      #expect(try await market(Script(answer)).search(search, try Sample.access()).isEmpty)
    }
  }

  @Test func buysByItsName() async throws {
    let script = Script(.json(201, Sample.numberJSON()))
    var order = order
    order.addressSID = "AD" + Sample.hex
    order.bundleSID = "BU" + Sample.hex
    let number = try await market(script).buy(order, try Sample.access())
    #expect(number.sid == (try Sample.number()))
    #expect(script.sent.count == 1 && script.sent.first?.method == .post)
    #expect(
      body(script.sent.first)
        == "PhoneNumber=%2B12025550123&FriendlyName=Front%20desk%20%C3%A9"
        + "&AddressSid=AD\(Sample.hex)&BundleSid=BU\(Sample.hex)")
  }

  /// What may have been carried out is never sent again; what certainly was not is.
  @Test func sendsAPurchaseAgainOnlyWhereNothingWasBought() async throws {
    let lost = Script(.json(500, "{}"), .json(201, Sample.numberJSON()))
    let error = await failure { _ = try await market(lost).buy(order, try Sample.access()) }
    #expect(error?.effect == .unknown && lost.sent.count == 1)
    let throttled = Script(.error(429, 20429), .json(201, Sample.numberJSON()))
    _ = try await market(throttled).buy(order, try Sample.access())
    #expect(throttled.sent.count == 2)
    let unreadable = Script(.json(201, "{}"))
    let unread = await failure { _ = try await market(unreadable).buy(order, try Sample.access()) }
    #expect(unread?.effect == .unknown && unread?.kind == .unreadableAnswer)
  }

  @Test(arguments: [
    (400, 21422, CarrierError.Kind.notForSale), (400, 21452, .notForSale),
    (400, 21421, .invalidRequest), (400, 21615, .papersMissing), (400, 21631, .papersMissing),
    (400, 21649, .papersMissing), (400, 21404, .purchaseRefused), (403, 22300, .purchaseRefused),
  ])
  func tellsWhyNothingIsSold(status: Int, code: Int, kind: CarrierError.Kind) async throws {
    let script = Script(.error(status, code))
    let error = await failure { _ = try await market(script).buy(order, try Sample.access()) }
    #expect(error?.kind == kind && error?.effect == .refused && error?.code == code)
  }

  @Test func findsWhatItsNameBears() async throws {
    let ours = Script(.json(200, "{\"incoming_phone_numbers\": [\(Sample.numberJSON())]}"))
    let sight = try await market(ours).find(order, try Sample.access())
    guard case .bought(let number) = sight else {
      Issue.record("found \(sight)")
      return
    }
    #expect(number.e164 == order.e164)
    #expect(
      ours.sent.first?.url.hasSuffix(
        "/IncomingPhoneNumbers.json?PhoneNumber=%2B12025550123&PageSize=20") == true)
    var other = order
    other.name = "trunkline-pn_" + Sample.hex
    let theirs = Script(.json(200, "{\"incoming_phone_numbers\": [\(Sample.numberJSON())]}"))
    #expect(try await market(theirs).find(other, try Sample.access()) == .othersBought)
    let none = Script(.json(200, "{\"incoming_phone_numbers\": []}"))
    #expect(try await market(none).find(order, try Sample.access()) == .absent)
  }

  @Test func givesUpWhatIsThereOrGone() async throws {
    for answer in [
      Result<HTTPResponse, HTTPClientError>.json(204, ""), .error(404, 20404),
    ] {
      let script = Script(answer)
      try await market(script).release(try Sample.number(), try Sample.access())
      #expect(script.sent.first?.method == .delete)
      #expect(
        script.sent.first?.url.hasSuffix("/IncomingPhoneNumbers/PN\(Sample.hex).json") == true)
    }
    let refused = Script(.error(403, 20003))
    let error = await failure {
      try await market(refused).release(try Sample.number(), try Sample.access())
    }
    #expect(error?.kind == .keyRestricted)
  }
}

// Sub-accounts of the operator's account.
extension TwilioMarketTests {
  private static let name = "trunkline-ten_1"

  private func listed(_ accounts: String...) -> Result<HTTPResponse, HTTPClientError> {
    .json(200, "{\"accounts\": [\(accounts.joined(separator: ", "))]}")
  }

  private func account(
    _ digit: String, status: String = "active", created: String = "Sun, 22 Nov 2026 03:00:00 +0000"
  ) -> String {
    let sid = "AC" + String(repeating: digit, count: 32)
    return """
      {"sid": "\(sid)", "owner_account_sid": "AC\(Sample.hex)", "friendly_name": "\(Self.name)",
       "status": "\(status)", "auth_token": "token-\(digit)", "date_created": "\(created)"}
      """
  }

  @Test func findsASubAccountOrMakesOne() async throws {
    let there = Script(
      listed(
        account("1", status: "closed"), account("3"),
        account("2", created: "Sun, 22 Nov 2026 02:00:00 +0000")))
    let found = try await market(there).subAccount(named: Self.name, try Sample.access())
    // Of two that were made at once everybody takes the older.
    #expect(found.sid.description == "AC" + String(repeating: "2", count: 32))
    #expect(found.authToken == Secret("token-2"))
    #expect(
      there.sent.map(\.url) == [
        "https://api.twilio.com/2010-04-01/Accounts.json?FriendlyName=trunkline-ten_1&PageSize=50"
      ])
    let new = Script(listed(), .json(201, account("4")), listed(account("4")))
    let made = try await market(new).subAccount(named: Self.name, try Sample.access())
    #expect(made.authToken == Secret("token-4"))
    #expect(new.sent.map(\.method) == [.get, .post, .get])
    let lost = Script(listed(), .json(500, "{}"))
    let error = await failure {
      _ = try await market(lost).subAccount(named: Self.name, try Sample.access())
    }
    #expect(error?.kind == .unavailable && lost.sent.count == 2)
  }

  @Test func takesANumberFromASubAccount() async throws {
    let sub = try AccountSID("AC" + String(repeating: "2", count: 32))
    for answer in [
      Result<HTTPResponse, HTTPClientError>.json(200, Sample.numberJSON()), .error(404, 20404),
    ] {
      let script = Script(answer)
      try await market(script).quarantine(
        try Sample.number(), name: "quarantine", of: sub, try Sample.access())
      let sent = try #require(script.sent.first)
      #expect(sent.url.contains("/Accounts/\(sub)/IncomingPhoneNumbers/PN\(Sample.hex).json"))
      #expect(body(sent) == "AccountSid=AC\(Sample.hex)&FriendlyName=quarantine")
    }
  }
}
