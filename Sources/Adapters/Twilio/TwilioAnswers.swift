internal import CallDispatch
internal import HTTPClient
internal import Registry
internal import Telephony

/// Reads Twilio's answers. Pure; what is missing or of another form makes the answer unreadable.
enum TwilioAnswers {
  static func json(_ response: HTTPResponse) throws(TwilioFailure) -> JSONValue {
    guard let value = JSONValue(parsing: response.body), case .object = value else {
      throw .unreadable("JSON object")
    }
    return value
  }

  // MARK: Accounts

  /// Whose credentials asked: of a list of accounts the one that is nobody's sub-account, or the
  /// only one.
  static func account(_ value: JSONValue) throws(TwilioFailure) -> AccountSID {
    let accounts = value["accounts"]?.array ?? []
    let own = accounts.first { $0["owner_account_sid"]?.string == $0["sid"]?.string }
    guard let sid = (own ?? accounts.first)?["sid"]?.string.flatMap({ try? AccountSID($0) }) else {
      throw .unreadable("account")
    }
    return sid
  }

  // MARK: Numbers

  static func numbers(_ value: JSONValue) throws(TwilioFailure) -> CarrierNumberPage {
    guard let entries = value["incoming_phone_numbers"]?.array else {
      throw .unreadable("incoming_phone_numbers")
    }
    var numbers: [CarrierNumber] = []
    for entry in entries {
      // A short code or a hosted number that is no E.164 can't be imported; it is left out.
      guard let text = entry["phone_number"]?.string, (try? E164(text)) != nil else { continue }
      numbers.append(try number(entry))
    }
    return CarrierNumberPage(numbers: numbers, next: try nextPage(value)?.text)
  }

  /// Where a list goes on; nil at its end. The newer products say it in `meta`.
  static func nextPage(_ value: JSONValue) throws(TwilioFailure) -> TwilioPageToken? {
    let uri = value["next_page_uri"] ?? value["meta"]?["next_page_url"]
    guard let uri = uri?.string, !uri.isEmpty else { return nil }
    guard let token = TwilioPageToken(nextPageURI: uri) else { throw .unreadable("page token") }
    return token
  }

  static func number(_ value: JSONValue) throws(TwilioFailure) -> CarrierNumber {
    guard let e164 = value["phone_number"]?.string.flatMap({ try? E164($0) }) else {
      throw .unreadable("phone_number")
    }
    guard let sid = value["sid"]?.string.flatMap({ try? CarrierNumberSID($0) }) else {
      throw .unreadable("sid")
    }
    guard let account = value["account_sid"]?.string.flatMap({ try? AccountSID($0) }) else {
      throw .unreadable("account_sid")
    }
    return CarrierNumber(
      sid: sid, accountSID: account, e164: e164,
      friendlyName: value["friendly_name"]?.string ?? "",
      hasVoice: value["capabilities"]?["voice"]?.bool ?? false, voice: try voiceSettings(value))
  }

  private static func voiceSettings(_ value: JSONValue) throws(TwilioFailure) -> VoiceSettings {
    VoiceSettings(
      voiceURL: value["voice_url"]?.string ?? "",
      voiceMethod: try method(value, "voice_method"),
      fallbackURL: value["voice_fallback_url"]?.string ?? "",
      fallbackMethod: try method(value, "voice_fallback_method"),
      statusCallbackURL: value["status_callback"]?.string ?? "",
      statusCallbackMethod: try method(value, "status_callback_method"),
      applicationSID: value["voice_application_sid"]?.string ?? "",
      trunkSID: value["trunk_sid"]?.string ?? "")
  }

  /// POST when unset, which is Twilio's default.
  private static func method(
    _ value: JSONValue, _ name: String
  ) throws(TwilioFailure) -> VoiceSettings.Method {
    guard let text = value[name]?.string, !text.isEmpty else { return .post }
    guard let method = VoiceSettings.Method(rawValue: text) else { throw .unreadable(name) }
    return method
  }

  /// The account that a list of numbers names: in its numbers, else in its own address.
  static func owner(_ value: JSONValue) throws(TwilioFailure) -> AccountSID {
    if let number = value["incoming_phone_numbers"]?.array?.first,
      let account = number["account_sid"]?.string.flatMap({ try? AccountSID($0) })
    {
      return account
    }
    for name in ["first_page_uri", "uri"] {
      let segments = value[name]?.string?.split(separator: "/") ?? []
      guard let index = segments.firstIndex(of: "Accounts"), index + 1 < segments.count,
        let account = try? AccountSID(segments[index + 1])
      else { continue }
      return account
    }
    throw .unreadable("account")
  }

  // MARK: Routes

  /// Nil when the number's region is unset.
  static func processingRegion(_ value: JSONValue) throws(TwilioFailure) -> Region? {
    guard let text = value["voice_region"]?.string, !text.isEmpty else { return nil }
    guard let region = Region(rawValue: text) else {
      throw TwilioFailure(
        .conflict, effect: .refused,
        message: "The number's calls are handled in a region that Trunkline does not know.")
    }
    return region
  }

  // MARK: Calls

  static func calls(_ value: JSONValue) throws(TwilioFailure) -> [CarrierCall] {
    guard let entries = value["calls"]?.array else { throw .unreadable("calls") }
    var calls: [CarrierCall] = []
    for entry in entries { calls.append(try call(entry)) }
    return calls
  }

  static func callSID(_ value: JSONValue) throws(TwilioFailure) -> CarrierCallSID {
    guard let sid = value["sid"]?.string.flatMap({ try? CarrierCallSID($0) }) else {
      throw .unreadable("sid")
    }
    return sid
  }

  static func call(_ value: JSONValue) throws(TwilioFailure) -> CarrierCall {
    guard let status = value["status"]?.string.flatMap({ CarrierCallStatus(rawValue: $0) }) else {
      throw .unreadable("status")
    }
    guard let created = value["date_created"]?.string.flatMap(CarrierDate.parse) else {
      throw .unreadable("date_created")
    }
    return CarrierCall(
      id: try callSID(value), status: status, from: value["from"]?.string ?? "",
      to: value["to"]?.string ?? "", isInbound: value["direction"]?.string == "inbound",
      createTime: created, startTime: value["start_time"]?.string.flatMap(CarrierDate.parse),
      endTime: value["end_time"]?.string.flatMap(CarrierDate.parse),
      durationSeconds: duration(value))
  }

  /// Of a call, in seconds; nil for what is none. What Twilio counts fits in 32 bits, and a time
  /// must not overflow with it.
  private static func duration(_ value: JSONValue) -> Int? {
    value["duration"]?.integer.flatMap { Int32(exactly: $0) }.flatMap { $0 >= 0 ? Int($0) : nil }
  }
}

extension JSONValue {
  func flag(_ name: String) throws(TwilioFailure) -> Bool {
    guard let value = self[name]?.bool else { throw .unreadable(name) }
    return value
  }
}
