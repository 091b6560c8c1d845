internal import Telephony

/// Numbers: one record per region under one SID.
extension SimulatorState {
  func listNumbers(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    guard ask.method == "GET" else { throw .notAllowed }
    let pattern = ask.query["PhoneNumber"].map(Self.numberPattern)
    let name = ask.query["FriendlyName"]
    let matching = numberOrder.reversed().filter { sid in
      guard let number = numbers[sid], number.account == account.sid else { return false }
      if let pattern, !Wildcard.matches(number.phoneNumber, pattern: pattern) { return false }
      if let name, number.friendlyName != name { return false }
      return true
    }
    let page = try Page(ask, of: matching)
    let rendered = page.items.compactMap { numbers[$0].map { render($0, ask.region) } }
    return page.answer("incoming_phone_numbers", rendered)
  }

  /// Digits match anywhere in a number; `*` stands for any digits.
  private static func numberPattern(_ text: String) -> String {
    let text = text.hasPrefix(" ") ? "+" + text.dropFirst() : text
    return (text.hasPrefix("+") ? "" : "*") + text + "*"
  }

  mutating func number(
    _ ask: RESTRequest, _ account: Account, _ sid: String
  ) throws(RESTError) -> SimulatorAnswer {
    guard let number = numbers[sid], number.account == account.sid else {
      throw .notFound(ask.path)
    }
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(number, ask.region))
    case "POST":
      let updated = try update(number, ask)
      numbers[sid] = updated
      return SimulatorAnswer(200, render(updated, ask.region))
    case "DELETE":
      if numbersReleased.count < SimulatorLimits.numberCountMax { numbersReleased.append(sid) }
      removeNumber(sid)
      return SimulatorAnswer(204)
    default: throw .notAllowed
    }
  }

  mutating func removeNumber(_ sid: String) {
    guard let number = numbers.removeValue(forKey: sid) else { return }
    numberByE164[number.phoneNumber] = nil
    numberOrder.removeAll { $0 == sid }
  }

  func update(
    _ number: CarrierNumber, _ ask: RESTRequest
  ) throws(RESTError) -> CarrierNumber {
    var number = number
    var record = number.configuration(in: ask.region)
    record.voice.url = try ask.url("VoiceUrl") ?? record.voice.url
    record.voice.method = try ask.method("VoiceMethod") ?? record.voice.method
    record.voice.fallbackURL = try ask.url("VoiceFallbackUrl") ?? record.voice.fallbackURL
    record.voice.fallbackMethod =
      try ask.method("VoiceFallbackMethod") ?? record.voice.fallbackMethod
    record.statusCallback = try ask.url("StatusCallback") ?? record.statusCallback
    record.statusCallbackMethod =
      try ask.method("StatusCallbackMethod") ?? record.statusCallbackMethod
    if let sid = ask.form["VoiceApplicationSid"] {
      guard sid.isEmpty || applications[sid]?.belongs(number.account, ask.region) == true else {
        throw .badRequest(21218, "Invalid ApplicationSid \(sid)")
      }
      record.applicationSID = sid
      if !sid.isEmpty { record.trunkSID = "" }
    }
    if let sid = ask.form["TrunkSid"] {
      guard sid.isEmpty || trunks[sid]?.belongs(number.account, ask.region) == true else {
        throw .badRequest(21245, "Trunk \(sid) not found")
      }
      record.trunkSID = sid
      if !sid.isEmpty { record.applicationSID = "" }
    }
    if let mode = ask.form["VoiceReceiveMode"] {
      guard mode == "voice" || mode == "fax" else {
        throw .badRequest(20001, "Invalid VoiceReceiveMode")
      }
      record.receiveMode = mode
    }
    if let value = ask.form["VoiceCallerIdLookup"] { record.looksUpCallerID = value == "true" }
    number.friendlyName = try ask.name("FriendlyName") ?? number.friendlyName
    if let owner = ask.form["AccountSid"], owner != number.account {
      // Between an account and its sub-accounts, by the one that owns them all.
      guard accounts[owner] != nil, accounts[number.account] != nil else {
        throw .badRequest(20001, "Invalid parameter: AccountSid \(owner) was not found")
      }
      _ = try authorize(ask, account: owner)
      number.account = owner
    }
    record.updated = now
    number.configurations[ask.region] = record
    return number
  }

  func render(_ number: CarrierNumber, _ region: Region) -> JSON {
    let record = number.configuration(in: region)
    let uri = "/2010-04-01/Accounts/\(number.account)/IncomingPhoneNumbers/\(number.sid)"
    let members: KeyValuePairs<String, JSON> = [
      "sid": .string(number.sid), "account_sid": .string(number.account),
      "friendly_name": .string(number.friendlyName),
      "phone_number": .string(number.phoneNumber),
      "voice_url": .string(record.voice.url), "voice_method": .string(record.voice.method),
      "voice_fallback_url": .string(record.voice.fallbackURL),
      "voice_fallback_method": .string(record.voice.fallbackMethod),
      "voice_caller_id_lookup": .bool(record.looksUpCallerID),
      "voice_application_sid": .string(record.applicationSID),
      "trunk_sid": record.trunkSID.isEmpty ? .null : .string(record.trunkSID),
      "voice_receive_mode": .string(record.receiveMode),
      "status_callback": .string(record.statusCallback),
      "status_callback_method": .string(record.statusCallbackMethod),
      "date_created": .string(CarrierTime(number.created).mailDate),
      "date_updated": .string(CarrierTime(record.updated).mailDate),
      "sms_url": "", "sms_method": "POST", "sms_fallback_url": "",
      "sms_fallback_method": "POST", "sms_application_sid": "",
      "address_requirements": "none", "address_sid": .null, "identity_sid": .null,
      "bundle_sid": .null, "beta": false, "origin": "twilio", "status": "in-use",
      "emergency_status": "Inactive", "emergency_address_sid": .null,
      "emergency_address_status": "unregistered", "api_version": "2010-04-01",
      "capabilities": [
        "voice": .bool(number.hasVoice), "sms": true, "mms": false, "fax": false,
      ],
      "uri": .string(uri + ".json"),
      "subresource_uris": ["assigned_add_ons": .string(uri + "/AssignedAddOns.json")],
    ]
    return .object(members.map { JSON.Member(name: $0.key, value: $0.value) })
  }
}

extension Application {
  func belongs(_ account: String, _ region: Region) -> Bool {
    self.account == account && self.region == region
  }
}
