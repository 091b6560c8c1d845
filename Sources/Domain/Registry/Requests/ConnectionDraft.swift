internal import Telephony

/// A connection that was found good, its password still in the clear.
struct ConnectionDraft: Sendable {
  enum Target: Sendable {
    case mediaStream(url: String, parameters: [String: String])
    case sip(uri: String, username: String, password: Secret?)
  }

  var region: Region?
  var target: Target

  /// A softphone's one endpoint: it answers the calls of every region.
  static func endpoint(
    _ inputs: [AgentConnectionInput], _ validator: inout Validator
  ) -> [ConnectionDraft] {
    guard let input = inputs.first else {
      validator.refuse("softphone.endpoint", .required, "The endpoint is missing: give sip.")
      return []
    }
    return draft(input, "softphone", &validator).map { [$0] } ?? []
  }

  static func all(
    _ inputs: [AgentConnectionInput], _ validator: inout Validator
  ) -> [ConnectionDraft] {
    if inputs.isEmpty {
      validator.refuse(
        "agent.connections", .required, "The agent has no connection: give at least one.")
    }
    if inputs.count > RegistryLimits.connectionCountMax {
      validator.refuse(
        "agent.connections", .tooMany,
        "There are \(inputs.count) connections; the limit is "
          + "\(RegistryLimits.connectionCountMax).")
      return []
    }
    return inputs.enumerated().compactMap { index, input in
      draft(input, "agent.connections[\(index)]", &validator)
    }
  }

  private static func draft(
    _ input: AgentConnectionInput, _ field: String, _ validator: inout Validator
  ) -> ConnectionDraft? {
    let region = validator.optional("\(field).region", input.region)
    switch input.target {
    case .unset:
      validator.refuse(
        "\(field).endpoint", .required, "The endpoint is missing: give media_stream or sip.")
      return nil
    case .mediaStream(let url, let parameters):
      check(url: url, "\(field).media_stream.url", &validator)
      check(parameters: parameters, "\(field).media_stream.parameters", &validator)
      return ConnectionDraft(
        region: region, target: .mediaStream(url: url, parameters: parameters))
    case .sip(let uri, let username, let password):
      check(sip: uri, "\(field).sip.uri", &validator)
      validator.text(
        "\(field).sip.username", username, lengthMax: RegistryLimits.sipUsernameLengthMax)
      if let password {
        validator.secret(
          "\(field).sip.password", password, lengthMax: RegistryLimits.sipPasswordLengthMax)
        if username.isEmpty && !password.isEmpty {
          validator.refuse(
            "\(field).sip.username", .required, "The password has no user name: give one.")
        }
      }
      return ConnectionDraft(
        region: region, target: .sip(uri: uri, username: username, password: password))
    }
  }

  // MARK: Addresses

  private static func check(url: String, _ field: String, _ validator: inout Validator) {
    guard !url.isEmpty else {
      validator.refuse(field, .required, "The URL is missing. It is like wss://agent.example/call.")
      return
    }
    guard url.utf8.count <= RegistryLimits.streamURLLengthMax else {
      validator.refuse(
        field, .tooLong,
        "The URL has \(url.utf8.count) bytes; the limit is \(RegistryLimits.streamURLLengthMax).")
      return
    }
    guard url.hasPrefix("wss://") else {
      validator.refuse(field, .malformed, "The carrier connects to wss:// only.")
      return
    }
    guard HostText.isVisible(url) else {
      validator.refuse(
        field, .forbiddenCharacter, "The URL holds a character that must be percent-encoded.")
      return
    }
    if url.utf8.contains(UInt8(ascii: "?")) || url.utf8.contains(UInt8(ascii: "#")) {
      validator.refuse(
        field, .malformed,
        "The carrier takes no query and no fragment here: use parameters instead.")
      return
    }
    let authority = url.dropFirst("wss://".count).prefix { $0 != "/" }
    if !HostText.isHostAndPort(authority) {
      validator.refuse(field, .malformed, "The URL has no good host after wss://.")
    }
  }

  private static func check(sip uri: String, _ field: String, _ validator: inout Validator) {
    guard !uri.isEmpty else {
      validator.refuse(
        field, .required, "The address is missing. It is like sip:agent@sip.example.")
      return
    }
    guard uri.utf8.count <= RegistryLimits.sipURILengthMax else {
      validator.refuse(
        field, .tooLong,
        "The address has \(uri.utf8.count) bytes; the limit is "
          + "\(RegistryLimits.sipURILengthMax).")
      return
    }
    let rest: Substring
    if uri.hasPrefix("sips:") {
      rest = uri.dropFirst("sips:".count)
    } else if uri.hasPrefix("sip:") {
      rest = uri.dropFirst("sip:".count)
    } else {
      validator.refuse(field, .malformed, "A SIP address begins with sip: or sips:.")
      return
    }
    let parts = rest.split(separator: "@", omittingEmptySubsequences: false)
    let isGood =
      HostText.isVisible(uri) && parts.count == 2 && !parts[0].isEmpty
      && HostText.isHostAndPort(parts[1].prefix { $0 != ";" }) && isTransport(parts[1])
    if !isGood {
      validator.refuse(
        field, .malformed,
        "A SIP address is sip:user@host, with a port or ;transport= where needed.")
    }
  }

  /// After the host: nothing, or `;transport=` with a transport that carriers know.
  private static func isTransport(_ part: Substring) -> Bool {
    guard let start = part.firstIndex(of: ";") else { return true }
    return [";transport=udp", ";transport=tcp", ";transport=tls"].contains(String(part[start...]))
  }

  private static func check(
    parameters: [String: String], _ field: String, _ validator: inout Validator
  ) {
    if parameters.count > RegistryLimits.streamParameterCountMax {
      validator.refuse(
        field, .tooMany,
        "There are \(parameters.count) parameters; the limit is "
          + "\(RegistryLimits.streamParameterCountMax).")
    }
    for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
      let isName =
        (1...RegistryLimits.streamParameterNameLengthMax).contains(name.utf8.count)
        && name.utf8.allSatisfy { $0.isLetterOrDigit || $0 == 45 || $0 == 95 }
      if !isName {
        validator.refuse(
          field, .malformed,
          "A parameter's name is 1 to \(RegistryLimits.streamParameterNameLengthMax) characters "
            + "of A-Z a-z 0-9 - _.")
      }
      if name == "call_id" {
        validator.refuse(field, .conflicting, "call_id is set here and can't be given.")
      }
      validator.text(field, value, lengthMax: RegistryLimits.streamParameterValueLengthMax)
    }
  }
}

extension RequestBody {
  mutating func add(_ input: AgentInput) {
    add(input.id)
    add(input.displayName)
    add(input.labels)
    for connection in input.connections {
      add("\(connection.region)")
      switch connection.target {
      case .unset: add("")
      case .mediaStream(let url, let parameters):
        add("media_stream")
        add(url)
        add(parameters)
      case .sip(let uri, let username, let password):
        add("sip")
        add(uri)
        add(username)
        add(password)
      }
    }
  }
}
