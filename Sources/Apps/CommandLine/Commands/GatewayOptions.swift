internal import API

/// The options that tell of LiveKit servers and SIP trunks.
enum GatewayOptions {
  static let url: Option<String?> = .optional(
    "url", .text("https://…"), "The LiveKit server: scheme, host and port.")
  static let apiKey: Option<String?> = .optional(
    "api-key", .text("KEY"), "An API key of the LiveKit server, with the grant sip.admin.")
  static let apiSecretFile: Option<String?> = .optional(
    "api-secret-file", .text("PATH"),
    "The file with that key's secret; - is the standard input. TRUNKLINE_LIVEKIT_API_SECRET in the "
      + "environment may hold the secret itself.")

  static let sipHost: Option<String?> = .optional(
    "sip-host", .anyText("HOST"),
    "Where the LiveKit server's SIP service takes calls: a host with an optional port. Where it is "
      + "not given it follows from --url.")
  static let liveKit: [any DeclaredOption] = [url, apiKey, apiSecretFile, sipHost]
  static let liveKitChanges: [any DeclaredOption] = [apiKey, apiSecretFile, sipHost]

  static let address: Option<String?> = .optional(
    "address", .text("HOST[:PORT]"), "Where the trunk's calls go out.")
  static let transport: Option<V1.SipTransport?> = .optional(
    "transport", .choice(["auto": .auto, "udp": .udp, "tcp": .tcp, "tls": .tls]),
    "How SIP travels there.")
  static let encryption: Option<V1.MediaEncryption?> = .optional(
    "media-encryption", .encryption, "Whether the audio of calls that go out is encrypted.")
  static let headers: Option<[String: String]> = .map(
    "header", .text("NAME"), .anyText("VALUE"), commas: false,
    "A header that goes with each call out; as often as wanted.")
  static let username: Option<String?> = .optional(
    "username", .text("NAME"), "What calls that go out authenticate with.")
  static let passwordFile: Option<String?> = .optional(
    "password-file", .text("PATH"), "The file with its password; - is the standard input.")
  static let allowedAddresses: Option<[String]> = .list(
    "allowed-address", .text("IP|CIDR"),
    "From where calls may come in; as often as wanted. 0.0.0.0/0 is everywhere.")
  static let allowedNumbers: Option<[String]> = .list(
    "allowed-number", .text("E164"), "Which numbers may call in; as often as wanted.")
  static let inboundEncryption: Option<V1.MediaEncryption?> = .optional(
    "inbound-media-encryption", .encryption,
    "Whether the audio of calls that come in is encrypted.")
  static let inboundUsername: Option<String?> = .optional(
    "inbound-username", .text("NAME"), "What calls that come in authenticate with.")
  static let inboundPasswordFile: Option<String?> = .optional(
    "inbound-password-file", .text("PATH"), "The file with its password; - is the standard input.")
  static let gateway: Option<String?> = .optional(
    "gateway", .anyText("PROVIDER_ID"),
    "The livekit provider that signals for the trunk's numbers. An empty text takes it away.")

  static let trunk: [any DeclaredOption] = [
    address, transport, encryption, headers, username, passwordFile, allowedAddresses,
    allowedNumbers, inboundEncryption, inboundUsername, inboundPasswordFile, gateway,
  ]

  static let mixed = ArgumentError.conflict(
    "The options are of several types of provider. Give those of the provider's own.")
}

extension ArgumentType where Value == V1.MediaEncryption {
  static let encryption = ArgumentType.choice(
    ["disabled": .disabled, "allowed": .allowed, "required": .required])
}

/// A SIP trunk as the command line tells it; its passwords are still in files.
struct TrunkArguments: Sendable {
  private(set) var trunk = V1.Provider.SipTrunk()
  /// What was given.
  private(set) var paths: [String] = []
  private let passwordFile: String?
  private let inboundPasswordFile: String?

  init(_ arguments: Arguments) throws(ArgumentError) {
    passwordFile = try arguments.value(GatewayOptions.passwordFile)
    inboundPasswordFile = try arguments.value(GatewayOptions.inboundPasswordFile)
    if passwordFile == "-", inboundPasswordFile == "-" {
      throw .conflict("Only one secret can come from the standard input.")
    }
    var outbound = V1.Provider.SipTrunk.Outbound()
    outbound.address = try arguments.value(GatewayOptions.address) ?? ""
    outbound.transport = try arguments.value(GatewayOptions.transport) ?? .unspecified
    outbound.mediaEncryption = try arguments.value(GatewayOptions.encryption) ?? .unspecified
    outbound.headers = try arguments.value(GatewayOptions.headers)
    outbound.username = try arguments.value(GatewayOptions.username) ?? ""
    if outbound != .init() || passwordFile != nil {
      trunk.outbound = outbound
      paths.append("sip_trunk.outbound")
    }
    var inbound = V1.Provider.SipTrunk.Inbound()
    inbound.allowedAddresses = try arguments.value(GatewayOptions.allowedAddresses)
    inbound.allowedNumbers = try arguments.value(GatewayOptions.allowedNumbers)
    inbound.mediaEncryption =
      try arguments.value(GatewayOptions.inboundEncryption) ?? .unspecified
    inbound.username = try arguments.value(GatewayOptions.inboundUsername) ?? ""
    if inbound != .init() || inboundPasswordFile != nil {
      trunk.inbound = inbound
      paths.append("sip_trunk.inbound")
    }
    if let gateway = try arguments.value(GatewayOptions.gateway) {
      trunk.gatewayProviderID = gateway
      paths.append("sip_trunk.gateway_provider_id")
    }
  }

  /// With its passwords.
  func read(_ session: Session) throws(CommandFailure) -> V1.Provider.SipTrunk {
    var trunk = trunk
    trunk.outbound?.password = try session.secret(file: passwordFile, variable: "")
    trunk.inbound?.password = try session.secret(file: inboundPasswordFile, variable: "")
    return trunk
  }
}

/// The configuration of a provider that is to be made.
struct NewConfiguration: Sendable {
  private enum Kind: Sendable {
    case twilio(account: String, TrunklineCommands.ProviderSecrets)
    case liveKit(V1.Provider.LiveKit, secretFile: String?)
    case trunk(TrunkArguments)
  }

  private let kind: Kind

  init(_ type: V1.ProviderType, _ arguments: Arguments) throws(ArgumentError) {
    let trunk = try TrunkArguments(arguments)
    let secrets = try TrunklineCommands.ProviderSecrets(arguments)
    let isTwilio =
      arguments.isOnCommandLine(TrunklineCommands.accountSID)
      || arguments.isOnCommandLine(TrunklineCommands.apiKeySID)
      || arguments.isOnCommandLine(TrunklineCommands.authTokenFile)
    let isLiveKit =
      arguments.isOnCommandLine(GatewayOptions.url)
      || arguments.isOnCommandLine(GatewayOptions.apiKey)
      || arguments.isOnCommandLine(GatewayOptions.apiSecretFile)
      || arguments.isOnCommandLine(GatewayOptions.sipHost)
    switch type {
    case .livekit:
      guard !isTwilio, trunk.paths.isEmpty else { throw GatewayOptions.mixed }
      let gateway = V1.Provider.LiveKit(
        url: try Self.needed(arguments, GatewayOptions.url, "livekit"),
        apiKey: try Self.needed(arguments, GatewayOptions.apiKey, "livekit"),
        sipHost: try arguments.value(GatewayOptions.sipHost) ?? "")
      kind = .liveKit(gateway, secretFile: try arguments.value(GatewayOptions.apiSecretFile))
    case .sipTrunk:
      guard !isTwilio, !isLiveKit else { throw GatewayOptions.mixed }
      kind = .trunk(trunk)
    case .twilio, .unspecified, .unrecognized:
      guard !isLiveKit, trunk.paths.isEmpty else { throw GatewayOptions.mixed }
      kind = .twilio(
        account: try Self.needed(arguments, TrunklineCommands.accountSID, "twilio"), secrets)
    }
  }

  private static func needed(
    _ arguments: Arguments, _ option: Option<String?>, _ type: String
  ) throws(ArgumentError) -> String {
    guard let value = try arguments.value(option) else {
      throw .conflict("\(option.declaration.flag) is needed for --type \(type).")
    }
    return value
  }

  /// With its secrets.
  func read(_ session: Session) throws(CommandFailure) -> V1.Provider.Config {
    switch kind {
    case .twilio(let account, let secrets):
      var twilio = V1.Provider.Twilio()
      twilio.accountSID = account
      _ = try secrets.fill(&twilio, isNew: true, session)
      return .twilio(twilio)
    case .liveKit(var gateway, let secretFile):
      gateway.apiSecret = try session.secret(
        file: secretFile, variable: "TRUNKLINE_LIVEKIT_API_SECRET")
      return .livekit(gateway)
    case .trunk(let trunk): return .sipTrunk(try trunk.read(session))
    }
  }
}

/// What an update changes of a LiveKit server or a SIP trunk.
struct GatewayChanges: Sendable {
  private let trunk: TrunkArguments
  private let apiKey: String?
  private let secretFile: String?
  private let sipHost: String?

  init(_ arguments: Arguments) throws(ArgumentError) {
    sipHost = try arguments.value(GatewayOptions.sipHost)
    trunk = try TrunkArguments(arguments)
    apiKey = try arguments.value(GatewayOptions.apiKey)
    secretFile = try arguments.value(GatewayOptions.apiSecretFile)
    if apiKey != nil || secretFile != nil || sipHost != nil, !trunk.paths.isEmpty {
      throw GatewayOptions.mixed
    }
  }

  /// nil: nothing.
  func read(
    _ session: Session
  ) throws(CommandFailure) -> (config: V1.Provider.Config, paths: [String])? {
    if !trunk.paths.isEmpty { return (.sipTrunk(try trunk.read(session)), trunk.paths) }
    guard apiKey != nil || secretFile != nil || sipHost != nil else { return nil }
    var gateway = V1.Provider.LiveKit()
    var paths: [String] = []
    if let apiKey {
      gateway.apiKey = apiKey
      paths.append("livekit.api_key")
    }
    let variable = apiKey == nil ? "" : "TRUNKLINE_LIVEKIT_API_SECRET"
    if let secret = try session.secret(file: secretFile, variable: variable) {
      gateway.apiSecret = secret
      paths.append("livekit.api_secret")
    }
    if let sipHost {
      gateway.sipHost = sipHost
      paths.append("livekit.sip_host")
    }
    return (.livekit(gateway), paths)
  }
}

extension TrunklineCommands {
  static func append(_ trunk: V1.Provider.SipTrunk, to record: inout Record) {
    record.append("type", "sip-trunk")
    if let outbound = trunk.outbound {
      record.append("address", outbound.address)
      record.append("transport", shortName(outbound.transport, prefix: "SIP_TRANSPORT_"))
      record.append(
        "media encryption", shortName(outbound.mediaEncryption, prefix: "MEDIA_ENCRYPTION_"))
      record.append("headers", pairs(outbound.headers))
      record.append("user name", outbound.username)
      record.append("password", outbound.hasPassword ? "stored" : "none")
    }
    if let inbound = trunk.inbound {
      record.append("allowed addresses", inbound.allowedAddresses.joined(separator: ", "))
      record.append("allowed numbers", inbound.allowedNumbers.joined(separator: ", "))
      record.append(
        "inbound media encryption",
        shortName(inbound.mediaEncryption, prefix: "MEDIA_ENCRYPTION_"))
      record.append("inbound user name", inbound.username)
      record.append("inbound password", inbound.hasPassword ? "stored" : "none")
    }
    record.append("gateway", trunk.gatewayProviderID)
  }
}
