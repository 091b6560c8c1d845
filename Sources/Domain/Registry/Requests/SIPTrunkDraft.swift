internal import Telephony

/// A SIP trunk that was found good, its passwords in the clear.
struct SIPTrunkDraft: Sendable {
  /// What a login will be.
  enum Login: Sendable {
    case none
    /// That which is stored.
    case kept
    case given(username: String, password: Secret)
  }

  struct Outbound: Sendable {
    let address: String
    let transport: SIPTransport
    let encryption: MediaEncryption
    let headers: [String: String]
    let login: Login
  }

  struct Inbound: Sendable {
    let allowedAddresses: [String]
    let allowedNumbers: [E164]
    let encryption: MediaEncryption
    let login: Login
  }

  let outbound: Outbound?
  let inbound: Inbound?
  let gatewayID: ProviderID?

  static let field = "provider.sip_trunk"

  /// Of a creation.
  init(_ input: SIPTrunkInput, _ validator: inout Validator) {
    outbound = input.outbound.flatMap { Self.outbound($0, nil, &validator) }
    inbound = input.inbound.flatMap { Self.inbound($0, nil, &validator) }
    gatewayID = validator.optionalID(
      "\(Self.field).gateway_provider_id", input.gatewayProviderID, as: ProviderID.self)
    Self.checkDirections(
      hasOutbound: input.outbound != nil, hasInbound: input.inbound != nil, &validator)
  }

  static func checkDirections(
    hasOutbound: Bool, hasInbound: Bool, _ validator: inout Validator
  ) {
    guard !hasOutbound && !hasInbound else { return }
    validator.refuse(
      field, .required,
      "The trunk has no direction: give outbound, where calls go, or inbound, from where they come."
    )
  }

  // MARK: Outbound

  /// - Parameter present: what is stored, in an update.
  static func outbound(
    _ input: SIPTrunkInput.Outbound, _ present: SIPTrunkConfiguration.Outbound?,
    _ validator: inout Validator
  ) -> Outbound? {
    let field = "\(field).outbound"
    let address = address(input.address, "\(field).address", &validator)
    check(headers: input.headers, "\(field).headers", &validator)
    let transport = validator.optional("\(field).transport", input.transport)
    let encryption = validator.optional("\(field).media_encryption", input.encryption)
    let login = login(input.username, input.password, present?.login, field, &validator)
    guard let address, let login else { return nil }
    return Outbound(
      address: address, transport: transport ?? .automatic, encryption: encryption ?? .allowed,
      headers: input.headers, login: login)
  }

  private static func address(
    _ text: String, _ field: String, _ validator: inout Validator
  ) -> String? {
    guard !text.isEmpty else {
      validator.refuse(
        field, .required, "The address is missing. It is like sip.example.com or 192.0.2.7:5061.")
      return nil
    }
    let isGood =
      text.utf8.count <= RegistryLimits.sipAddressLengthMax && HostText.isVisible(text)
      && HostText.isHostAndPort(text[...])
    guard isGood else {
      validator.refuse(
        field, .malformed,
        "The address is a host with an optional port and at most "
          + "\(RegistryLimits.sipAddressLengthMax) characters: leave out sip:, user and "
          + ";transport=, which has a field of its own.")
      return nil
    }
    return text.lowercased()
  }

  private static func check(
    headers: [String: String], _ field: String, _ validator: inout Validator
  ) {
    if headers.count > RegistryLimits.sipHeaderCountMax {
      validator.refuse(
        field, .tooMany,
        "There are \(headers.count) headers; the limit is \(RegistryLimits.sipHeaderCountMax).")
    }
    var names: Set<String> = []
    for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
      let small = name.lowercased()
      if !HostText.isToken(name) || name.utf8.count > RegistryLimits.sipHeaderNameLengthMax {
        validator.refuse(
          field, .malformed,
          "A header's name is 1 to \(RegistryLimits.sipHeaderNameLengthMax) characters of A-Z a-z "
            + "0-9 - . ! % * _ + ` ' ~ (RFC 3261).")
      } else if ReservedHeaders.contain(small) {
        validator.refuse(
          field, .conflicting,
          "SIP itself uses the header \(name): leave it out, or take a name of your own, as "
            + "X-\(name).")
      } else if !names.insert(small).inserted {
        validator.refuse(
          field, .duplicate, "The header \(small) is there twice: names differ by more than case.")
      }
      validator.text(field, value, lengthMax: RegistryLimits.sipHeaderValueLengthMax)
    }
  }

  // MARK: Inbound

  /// - Parameter present: what is stored, in an update.
  static func inbound(
    _ input: SIPTrunkInput.Inbound, _ present: SIPTrunkConfiguration.Inbound?,
    _ validator: inout Validator
  ) -> Inbound? {
    let field = "\(field).inbound"
    check(addresses: input.allowedAddresses, "\(field).allowed_addresses", &validator)
    let numbers = numbers(input.allowedNumbers, "\(field).allowed_numbers", &validator)
    if !input.remoteDomains.isEmpty {
      validator.refuse(
        "\(field).remote_domains", .unsupported,
        "LiveKit does not look at the domain of a caller's TLS certificate, so that nobody would "
          + "hold to this. Leave it out; allowed_addresses or a password say who may call.")
    }
    let encryption = validator.optional("\(field).media_encryption", input.encryption)
    let login = login(input.username, input.password, present?.login, field, &validator)
    guard let login else { return nil }
    if case .none = login, input.allowedAddresses.isEmpty {
      validator.refuse(
        field, .required,
        "Anybody could call in. Say from where calls come with allowed_addresses, where 0.0.0.0/0 "
          + "is everywhere, or give username and password.")
    }
    return Inbound(
      allowedAddresses: input.allowedAddresses, allowedNumbers: numbers,
      encryption: encryption ?? .allowed, login: login)
  }

  private static func check(
    addresses: [String], _ field: String, _ validator: inout Validator
  ) {
    guard checkCount(addresses.count, field, &validator) else { return }
    for (index, address) in addresses.enumerated() where !HostText.isAddressOrBlock(address) {
      validator.refuse(
        "\(field)[\(index)]", .malformed,
        "This is no IP address and no block of them. They are like 192.0.2.7, 192.0.2.0/24 or "
          + "2001:db8::/32; names are not looked up.")
    }
  }

  private static func numbers(
    _ texts: [String], _ field: String, _ validator: inout Validator
  ) -> [E164] {
    guard checkCount(texts.count, field, &validator) else { return [] }
    return texts.enumerated().compactMap { index, text in
      do throws(E164Error) {
        return try E164(text)
      } catch {
        let hint =
          text.contains { "*?xX[]".contains($0) }
          ? " LiveKit compares whole numbers: it knows no patterns." : ""
        validator.refuse(
          "\(field)[\(index)]", .malformed, "\(error) E.164 is +15005550006.\(hint)")
        return nil
      }
    }
  }

  private static func checkCount(
    _ count: Int, _ field: String, _ validator: inout Validator
  ) -> Bool {
    guard count > RegistryLimits.sipAllowedCountMax else { return true }
    validator.refuse(
      field, .tooMany,
      "There are \(count) entries; the limit is \(RegistryLimits.sipAllowedCountMax).")
    return false
  }

  // MARK: Logins

  /// nil when it was refused.
  private static func login(
    _ username: String, _ password: Secret?, _ present: SIPTrunkConfiguration.Login?,
    _ field: String, _ validator: inout Validator
  ) -> Login? {
    validator.text(
      "\(field).username", username, lengthMax: RegistryLimits.sipUsernameLengthMax)
    guard let password else {
      if username.isEmpty { return Login.none }
      if username == present?.username { return .kept }
      validator.refuse(
        "\(field).password", .required, "The user name has no password: give both, or neither.")
      return nil
    }
    if password.isEmpty { return Login.none }
    validator.secret(
      "\(field).password", password, lengthMax: RegistryLimits.sipPasswordLengthMax)
    guard !username.isEmpty else {
      validator.refuse(
        "\(field).username", .required, "The password has no user name: give one.")
      return nil
    }
    return .given(username: username, password: password)
  }
}

/// The headers that SIP and its extensions use to make and end a call: who sets them breaks it.
///
/// Source: RFC 3261, section 20, with the methods' extensions of RFC 3262, 3515, 3891, 4028, 6665.
private enum ReservedHeaders {
  private static let names: Set<String> = [
    "accept", "accept-encoding", "accept-language", "alert-info", "allow", "allow-events",
    "authentication-info", "authorization", "call-id", "contact", "content-disposition",
    "content-encoding", "content-language", "content-length", "content-type", "cseq", "date",
    "error-info", "event", "expires", "from", "max-forwards", "mime-version", "min-expires",
    "min-se", "path", "proxy-authenticate", "proxy-authorization", "proxy-require", "rack",
    "record-route", "refer-to", "referred-by", "replaces", "reply-to", "require", "retry-after",
    "route", "rseq", "server", "service-route", "session-expires", "subscription-state",
    "supported", "timestamp", "to", "unsupported", "user-agent", "via", "warning",
    "www-authenticate",
  ]

  /// `name` in small letters. A name of one letter is the short form of one of them.
  static func contain(_ name: String) -> Bool { name.utf8.count == 1 || names.contains(name) }
}

extension RequestBody {
  mutating func add(_ input: SIPTrunkInput) {
    add("sip_trunk")
    add(input.gatewayProviderID)
    add(input.outbound != nil)
    if let outbound = input.outbound {
      add(outbound.address)
      add("\(outbound.transport)")
      add("\(outbound.encryption)")
      add(outbound.headers)
      add(outbound.username)
      add(outbound.password)
    }
    add(input.inbound != nil)
    if let inbound = input.inbound {
      for list in [inbound.allowedAddresses, inbound.allowedNumbers, inbound.remoteDomains] {
        add("\(list.count)")
        for entry in list { add(entry) }
      }
      add("\(inbound.encryption)")
      add(inbound.username)
      add(inbound.password)
    }
  }
}
