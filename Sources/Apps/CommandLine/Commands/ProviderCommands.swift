internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  static let providers = Command<SessionAction>.group(
    "providers", "Links carrier accounts.",
    [
      createProvider, listProviders, getProvider, updateProvider, deleteProvider,
      validateProvider, syncProvider, listProviderNumbers, stageCredential, promoteCredential,
      rollbackCredential,
    ])

  static let providerArgument: Positional<String> = .required(
    "PROVIDER_ID", .text("PROVIDER_ID"), "The provider, prv_….")
  static let accountSID: Option<String?> = .optional(
    "account-sid", .text("AC…"), "The Twilio account or sub-account.")

  // MARK: Secrets

  static let apiKeySID: Option<String?> = .optional(
    "api-key-sid", .text("SK…"), "An API key of the provider's region.")
  static let apiKeySecretFile: Option<String?> = .optional(
    "api-key-secret-file", .text("PATH"),
    "The file with the API key's secret; - is the standard input. TRUNKLINE_API_KEY_SECRET in the "
      + "environment may hold the secret itself.")
  static let authTokenFile: Option<String?> = .optional(
    "auth-token-file", .text("PATH"),
    "The file with the account's Auth Token; - is the standard input. For a new provider "
      + "TRUNKLINE_AUTH_TOKEN in the environment may hold the token itself.")

  /// The options that name an account's credentials.
  struct ProviderSecrets: Sendable {
    let apiKeySID: String?
    let apiKeySecretFile: String?
    let authTokenFile: String?

    init(_ arguments: Arguments) throws(ArgumentError) {
      self.apiKeySID = try arguments.value(TrunklineCommands.apiKeySID)
      self.apiKeySecretFile = try arguments.value(TrunklineCommands.apiKeySecretFile)
      self.authTokenFile = try arguments.value(TrunklineCommands.authTokenFile)
      if apiKeySecretFile == "-", authTokenFile == "-" {
        throw .conflict("Only one secret can come from the standard input.")
      }
      if apiKeySecretFile != nil, apiKeySID == nil {
        throw .conflict("--api-key-secret-file needs --api-key-sid beside it.")
      }
    }

    /// Reads the secrets into `twilio`, and says which fields were set. An Auth Token that happens
    /// to be in the environment counts for a new provider only.
    func fill(
      _ twilio: inout V1.Provider.Twilio, isNew: Bool, _ session: Session
    ) throws(CommandFailure) -> [String] {
      var paths: [String] = []
      if let apiKeySID {
        twilio.apiKeySID = apiKeySID
        twilio.apiKeySecret = try session.secret(
          file: apiKeySecretFile, variable: "TRUNKLINE_API_KEY_SECRET")
        paths += ["twilio.api_key_sid", "twilio.api_key_secret"]
      }
      let variable = isNew ? "TRUNKLINE_AUTH_TOKEN" : ""
      if let token = try session.secret(file: authTokenFile, variable: variable) {
        twilio.authToken = token
        paths.append("twilio.auth_token")
      }
      return paths
    }
  }

  // MARK: Commands

  private static let newRegion: Option<V1.Region> = .required(
    "region", .region, "Where the carrier handles the calls: the region of the credentials.")
  private static let newType: Option<V1.ProviderType> = .value(
    "type", .providerType, default: "twilio",
    "A Twilio account, a SIP trunk of any carrier, or a LiveKit server.")

  private static let createProvider = Command<SessionAction>.action(
    "create", "Links an account in a region, once its credentials work.",
    discussion: "For twilio either an API key or an Auth Token is needed; for livekit --url, "
      + "--api-key and its secret; for sip-trunk --address, --allowed-address or "
      + "--inbound-username. Secrets never stand on the command line, where others could see them.",
    options: [
      newRegion, newType, accountSID, apiKeySID, apiKeySecretFile, authTokenFile,
    ] + GatewayOptions.liveKit + GatewayOptions.trunk + [
      Shared.name, Shared.labels, Shared.requestID, Shared.validateOnly,
    ]
  ) { (arguments) throws(ArgumentError) in
    let configuration = try NewConfiguration(arguments.value(newType), arguments)
    var provider = V1.Provider()
    provider.displayName = try arguments.value(Shared.name) ?? ""
    provider.region = try arguments.value(newRegion)
    provider.labels = try arguments.value(Shared.labels)
    let validateOnly = try arguments.value(Shared.validateOnly)
    let givenID = try arguments.value(Shared.requestID)
    let template = provider
    return SessionAction { (session) async throws(CommandFailure) in
      var request = V1.CreateProviderRequest()
      request.provider = template
      request.provider?.config = try configuration.read(session)
      request.validateOnly = validateOnly
      request.requestID = givenID ?? session.makeRequestID()
      let (client, sent) = (V1.ProviderServiceClient(channel: session.channel), request)
      let answer = try await session.call(.whenUnavailable(requestID: sent.requestID)) {
        (options) async throws(RPCError) in try await client.createProvider(sent, options: options)
      }
      try session.show(answer) { record($0.provider) }
    }
  }

  private static let listProviders = Command<SessionAction>.action(
    "ls", "Lists providers, newest first.",
    options: [Shared.type, Shared.region, accountSID, Shared.limit]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.ListProvidersRequest()
    request.type = try arguments.value(Shared.type) ?? .unspecified
    request.region = try arguments.value(Shared.region) ?? .unspecified
    request.accountSID = try arguments.value(accountSID) ?? ""
    let limit = try arguments.value(Shared.limit)
    let template = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.ProviderServiceClient(channel: session.channel)
      let all = try await session.pages(limit: limit) {
        (size, token) async throws(CommandFailure) in
        var request = template
        (request.pageSize, request.pageToken) = (size, token)
        let sent = request
        let page = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in try await client.listProviders(sent, options: options)
        }
        return (page.providers, page.nextPageToken)
      }
      var answer = V1.ListProvidersResponse()
      (answer.providers, answer.nextPageToken) = all
      try session.show(answer) { table($0.providers) }
    }
  }

  private static let getProvider = Command<SessionAction>.action(
    "get", "Shows a provider.", positionals: [providerArgument]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.GetProviderRequest(id: try arguments.value(providerArgument))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.ProviderServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in try await client.getProvider(request, options: options)
      }
      try session.show(answer) { record($0.provider) }
    }
  }

  private static let removeAPIKey: Option<Bool> = .flag(
    "remove-api-key", "Remove the API key; the Auth Token is used from then on.")
  private static let removeAuthToken: Option<Bool> = .flag(
    "remove-auth-token", "Remove the Auth Token; signatures are not checked from then on.")

  private static let updateProvider = Command<SessionAction>.action(
    "update", "Changes a provider's name, labels or credentials.",
    discussion: "New credentials are tried on every number of the provider first, and taken or "
      + "refused as a whole. Of a SIP trunk the outbound options replace all that was said of "
      + "outbound calls, and the inbound ones all of inbound calls.",
    options: [
      Shared.name, Shared.labels, apiKeySID, apiKeySecretFile, authTokenFile, removeAPIKey,
      removeAuthToken,
    ] + GatewayOptions.liveKitChanges + GatewayOptions.trunk + [
      Shared.etag, Shared.validateOnly,
    ],
    positionals: [providerArgument]
  ) { (arguments) throws(ArgumentError) in
    let credentials = try ProviderSecrets(arguments)
    let changes = try GatewayChanges(arguments)
    var provider = V1.Provider()
    provider.id = try arguments.value(providerArgument)
    provider.etag = try arguments.value(Shared.etag) ?? ""
    provider.displayName = try arguments.value(Shared.name) ?? ""
    provider.labels = try arguments.value(Shared.labels)
    var paths: [String] = []
    if arguments.isGiven(Shared.name) { paths.append("display_name") }
    if arguments.isGiven(Shared.labels) { paths.append("labels") }
    let removesKey = try arguments.value(removeAPIKey)
    let removesToken = try arguments.value(removeAuthToken)
    let validateOnly = try arguments.value(Shared.validateOnly)
    let (template, givenPaths) = (provider, paths)
    return SessionAction { (session) async throws(CommandFailure) in
      var twilio = V1.Provider.Twilio()
      var paths = givenPaths + (try credentials.fill(&twilio, isNew: false, session))
      if removesKey {
        twilio.apiKeySecret = ""
        paths += ["twilio.api_key_sid", "twilio.api_key_secret"]
      }
      if removesToken {
        twilio.authToken = ""
        paths.append("twilio.auth_token")
      }
      let other = try changes.read(session)
      if other != nil, paths != givenPaths { throw .usage(GatewayOptions.mixed) }
      paths += other?.paths ?? []
      guard !paths.isEmpty else { throw .nothingToChange }
      var request = V1.UpdateProviderRequest()
      request.provider = template
      // A configuration says of which kind the provider is: not where only its name changes.
      if paths != givenPaths { request.provider?.config = other?.config ?? .twilio(twilio) }
      request.updateMask = Google.Protobuf.FieldMask(paths: paths)
      request.validateOnly = validateOnly
      let (client, sent) = (V1.ProviderServiceClient(channel: session.channel), request)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.updateProvider(sent, options: options)
      }
      try session.show(answer) { record($0.provider) }
    }
  }

  private static let deleteProvider = Command<SessionAction>.action(
    "delete", "Unlinks an account that has no numbers here any more.",
    options: [Shared.etag], positionals: [providerArgument]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.DeleteProviderRequest()
    request.id = try arguments.value(providerArgument)
    request.etag = try arguments.value(Shared.etag) ?? ""
    let sent = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.ProviderServiceClient(channel: session.channel)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.deleteProvider(sent, options: options)
      }
      try session.show(answer) { _ in "Deleted \(sent.id).\n" }
    }
  }

  private static let validateProvider = Command<SessionAction>.action(
    "validate", "Tries a provider's stored credentials at the carrier.",
    positionals: [providerArgument]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.ValidateProviderRequest()
    request.target = .id(try arguments.value(providerArgument))
    let sent = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.ProviderServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.validateProvider(sent, options: options)
      }
      try session.show(answer) { record($0.provider) }
    }
  }

  private static let listProviderNumbers = Command<SessionAction>.action(
    "numbers", "Lists the numbers that the account holds at the carrier, imported or not.",
    options: [Shared.limit], positionals: [providerArgument]
  ) { (arguments) throws(ArgumentError) in
    let id = try arguments.value(providerArgument)
    let limit = try arguments.value(Shared.limit)
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.ProviderServiceClient(channel: session.channel)
      let all = try await session.pages(limit: limit) {
        (size, token) async throws(CommandFailure) in
        let request = V1.ListProviderNumbersRequest(
          providerID: id, pageSize: size, pageToken: token)
        let page = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in
          try await client.listProviderNumbers(request, options: options)
        }
        return (page.numbers, page.nextPageToken)
      }
      var answer = V1.ListProviderNumbersResponse()
      (answer.numbers, answer.nextPageToken) = all
      try session.show(answer) { table($0.numbers) }
    }
  }

  // MARK: Texts

  private static func table(_ providers: [V1.Provider]) -> String {
    var table = Table(["ID", "TYPE", "ACCOUNT", "REGION", "STATE", "NAME"])
    for provider in providers {
      let (type, account) =
        switch provider.config {
        case .twilio(let twilio): ("twilio", twilio.accountSID)
        case .livekit(let gateway): ("livekit", gateway.url)
        case .sipTrunk(let trunk): ("sip-trunk", trunk.outbound?.address ?? "")
        case .platform: ("platform", "")
        case nil: ("", "")
        }
      let state = shortName(provider.state, prefix: "STATE_")
      table.append(
        [provider.id, type, account, provider.region.text, state, provider.displayName])
    }
    return table.text
  }

  private static func table(_ numbers: [V1.ProviderNumber]) -> String {
    var table = Table(["NUMBER", "CARRIER SID", "VOICE", "PHONE NUMBER ID", "NAME"])
    for number in numbers {
      let voice = number.supportsVoice ? "yes" : "no"
      table.append(
        [number.e164, number.carrierSID, voice, number.phoneNumberID, number.friendlyName])
    }
    return table.text
  }

  static func record(_ provider: V1.Provider?) -> String {
    guard let provider else { return "" }
    var record = Record()
    record.append("id", provider.id)
    record.append("name", provider.displayName)
    record.append("region", provider.region.text)
    switch provider.config {
    case .twilio(let twilio):
      record.append("account", twilio.accountSID)
      record.append("API key", twilio.apiKeySID)
      record.append("API key secret", twilio.hasApiKeySecret ? "stored" : "none")
      record.append("Auth Token", twilio.hasAuthToken ? "stored" : "none")
    case .livekit(let gateway):
      record.append("type", "livekit")
      record.append("url", gateway.url)
      record.append("API key", gateway.apiKey)
      record.append("API secret", gateway.hasApiSecret ? "stored" : "none")
      record.append("SIP host", gateway.sipHost)
    case .sipTrunk(let trunk): append(trunk, to: &record)
    case .platform: record.append("account", "the operator's")
    case nil: break
    }
    append(provider.stagedCredential, to: &record)
    append(provider.previousCredential, to: &record)
    record.append("state", shortName(provider.state, prefix: "STATE_"))
    record.append(conditions: provider.conditions)
    record.append(
      labels: provider.labels, etag: provider.etag, created: provider.createTime,
      updated: provider.updateTime)
    return record.text
  }
}

extension CommandFailure {
  /// An update without anything to update.
  static let nothingToChange = CommandFailure.usage(
    .conflict("Nothing to change: give at least one option that says what."))
}
