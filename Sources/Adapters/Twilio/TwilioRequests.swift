internal import Buffers
internal import Crypto
internal import HTTPClient
internal import Registry
internal import Telephony

/// Whose account is asked, where and with what.
struct TwilioAccess: Sendable {
  enum Credentials: Sendable {
    case apiKey(APIKeySID, secret: Secret)
    case authToken(Secret)
  }

  let account: AccountSID
  let region: Region
  let credentials: Credentials

  /// HTTP Basic (RFC 7617): the key and its secret, or the account and its token.
  fileprivate var authorization: String {
    let (user, password) =
      switch credentials {
      case .apiKey(let sid, let secret): (sid.description, secret)
      case .authToken(let token): (account.description, token)
      }
    return "Basic " + Base64.encode(Array(user.utf8) + [UInt8(ascii: ":")] + password.revealed)
  }
}

/// Builds Twilio's requests. Pure: the same arguments give the same bytes.
///
/// Source: twilio-oai `twilio_api_v2010`, `twilio_routes_v2`, `twilio_trunking_v1`,
/// `twilio_voice_v1`.
struct TwilioRequests: Sendable {
  let endpoints: TwilioEndpoints
  let access: TwilioAccess

  typealias Fields = [(name: String, value: String)]

  // MARK: Accounts

  /// The accounts that the credentials belong to: their own and its sub-accounts.
  func listAccounts(size: Int) throws(TwilioFailure) -> HTTPRequest {
    try get(.api, "/2010-04-01/Accounts.json", [("PageSize", String(size))])
  }

  // MARK: Numbers

  func listNumbers(page: TwilioPageToken?, size: Int) throws(TwilioFailure) -> HTTPRequest {
    try get(.api, account("IncomingPhoneNumbers.json"), Self.page(page, size: size))
  }

  /// Twilio takes the number as a pattern; of what comes back only an equal one counts.
  func findNumber(_ e164: E164) throws(TwilioFailure) -> HTTPRequest {
    try get(
      .api, account("IncomingPhoneNumbers.json"),
      [("PhoneNumber", e164.text), ("PageSize", "20")])
  }

  func fetchNumber(_ sid: CarrierNumberSID) throws(TwilioFailure) -> HTTPRequest {
    try get(.api, account("IncomingPhoneNumbers/\(sid).json"))
  }

  /// An application or a trunk overrides the URLs, and setting one clears the other; so that all of
  /// the record is written at once.
  func configureNumber(
    _ sid: CarrierNumberSID, _ voice: VoiceSettings
  ) throws(TwilioFailure) -> HTTPRequest {
    try post(
      .api, account("IncomingPhoneNumbers/\(sid).json"),
      [
        ("VoiceUrl", voice.voiceURL), ("VoiceMethod", voice.voiceMethod.rawValue),
        ("VoiceFallbackUrl", voice.fallbackURL),
        ("VoiceFallbackMethod", voice.fallbackMethod.rawValue),
        ("StatusCallback", voice.statusCallbackURL),
        ("StatusCallbackMethod", voice.statusCallbackMethod.rawValue),
        ("VoiceApplicationSid", voice.applicationSID), ("TrunkSid", voice.trunkSID),
      ])
  }

  // MARK: Routes

  func fetchRoute(of e164: E164) throws(TwilioFailure) -> HTTPRequest {
    try get(.routes, route(of: e164))
  }

  func setRoute(of e164: E164, to region: Region) throws(TwilioFailure) -> HTTPRequest {
    try post(.routes, route(of: e164), [("VoiceRegion", region.rawValue)])
  }

  // MARK: What a diagnosis reads

  func listCalls(size: Int) throws(TwilioFailure) -> HTTPRequest {
    try get(.api, account("Calls.json"), [("PageSize", String(size))])
  }

  func fetchDialingPermission(of country: CountryCode) throws(TwilioFailure) -> HTTPRequest {
    try get(.voice, "/v1/DialingPermissions/Countries/\(country)")
  }

  // MARK: Calls

  func placeCall(
    from: E164, to: E164, voiceURL: String, statusURL: String, ringingTimeoutSeconds: Int,
    timeLimitSeconds: Int?
  ) throws(TwilioFailure) -> HTTPRequest {
    var fields: Fields = [
      ("To", to.text), ("From", from.text), ("Url", voiceURL), ("Method", "POST"),
      ("StatusCallback", statusURL), ("StatusCallbackMethod", "POST"),
    ]
    for event in ["initiated", "ringing", "answered", "completed"] {
      fields.append(("StatusCallbackEvent", event))
    }
    fields.append(("Timeout", String(ringingTimeoutSeconds)))
    if let timeLimitSeconds { fields.append(("TimeLimit", String(timeLimitSeconds))) }
    return try post(.api, account("Calls.json"), fields)
  }

  func fetchCall(_ sid: CarrierCallSID) throws(TwilioFailure) -> HTTPRequest {
    try get(.api, account("Calls/\(sid).json"))
  }

  /// Without StartTime: a queued call has none.
  func listCalls(from: E164, to: E164, size: Int) throws(TwilioFailure) -> HTTPRequest {
    try get(
      .api, account("Calls.json"),
      [("To", to.text), ("From", from.text), ("PageSize", String(size))])
  }

  func endCall(_ sid: CarrierCallSID, status: String) throws(TwilioFailure) -> HTTPRequest {
    try post(.api, account("Calls/\(sid).json"), [("Status", status)])
  }

  // MARK: Parts

  func account(_ path: String) -> String {
    "/2010-04-01/Accounts/\(access.account)/\(path)"
  }

  private func route(of e164: E164) -> String {
    "/v2/PhoneNumbers/" + FormEncoding.percentEncode(e164.text)
  }

  func get(
    _ product: TwilioEndpoints.Product, _ path: String, _ query: Fields = []
  ) throws(TwilioFailure) -> HTTPRequest {
    let question = query.isEmpty ? "" : "?" + FormEncoding.encode(query)
    return HTTPRequest(.get, try base(product) + path + question, headers: headers)
  }

  func post(
    _ product: TwilioEndpoints.Product, _ path: String, _ fields: Fields
  ) throws(TwilioFailure) -> HTTPRequest {
    HTTPRequest(
      .post, try base(product) + path,
      headers: headers + [.init("Content-Type", "application/x-www-form-urlencoded")],
      body: Array(FormEncoding.encode(fields).utf8))
  }

  func delete(
    _ product: TwilioEndpoints.Product, _ path: String
  ) throws(TwilioFailure) -> HTTPRequest {
    HTTPRequest(.delete, try base(product) + path, headers: headers)
  }

  /// The part of a list that begins at `page`, or at its beginning.
  static func page(_ page: TwilioPageToken?, size: Int) -> Fields {
    var query: Fields = [("PageSize", String(size))]
    if let page {
      query.append(("Page", String(page.number)))
      if !page.token.isEmpty { query.append(("PageToken", page.token)) }
    }
    return query
  }

  private func base(_ product: TwilioEndpoints.Product) throws(TwilioFailure) -> String {
    guard let base = endpoints.base(product, access.region) else {
      let text = "No address of the carrier is configured for region \(access.region)."
      throw TwilioFailure(.invalid, effect: .beforeSend, message: text)
    }
    return base
  }

  private var headers: [HTTPRequest.Header] {
    [.init("Authorization", access.authorization), .init("Accept", "application/json")]
  }
}
