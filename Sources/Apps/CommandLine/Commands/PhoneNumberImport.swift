internal import API
internal import GRPC

extension TrunklineCommands {
  private static let e164: Positional<String?> = .optional(
    "NUMBER", .text("NUMBER"), "The number in E.164 form, +15005550006.")
  private static let newProviderID: Option<String?> = .optional(
    "provider-id", .text("prv_…"), "The provider whose account holds the number.")
  private static let credentialsRegion: Option<V1.Region?> = .optional(
    "region", .region, "The region of the credentials, beside --account-sid.")
  private static let noInbound: Option<Bool> = .flag(
    "no-inbound", "Leave the number's inbound calls where they go today.")
  private static let noOutbound: Option<Bool> = .flag(
    "no-outbound", "Place no calls from the number.")
  private static let ingress: Option<V1.PhoneNumber.Ingress?> = .optional(
    "ingress", .choice(["webhook": .webhook, "trunk": .trunk, "sip": .sip]),
    "How its calls come and go: the carrier asks a webhook, or a SIP trunk at the carrier leads to "
      + "a gateway. The default is the webhook, and sip for a number of a sip-trunk provider.")
  private static let gateway: Option<String?> = .optional(
    "gateway", .text("prv_…"), "The LiveKit provider that a trunk leads to.")
  private static let fromFile: Option<String?> = .optional(
    "from-file", .text("PATH"),
    "Import many: a line for each number, NUMBER or NUMBER,LABEL; - is the standard input.")

  private static let assignTo: Option<String?> = .optional(
    "assign-to", .text("ASSIGNEE_ID"), "The agent or the softphone, sph_…, that is to answer.")

  static let importNumber = Command<SessionAction>.action(
    "import", "Makes the calls of a number come to Trunkline.",
    discussion: "The carrier's present settings are kept; delete puts them back. In place of "
      + "--provider-id an account, its region and its credentials find the provider, or make it. "
      + "With --from-file numbers that fail do not hinder the others, and --request-id resumes "
      + "what was cut.",
    options: [
      newProviderID, accountSID, credentialsRegion, apiKeySID, apiKeySecretFile, authTokenFile,
      label, Shared.labels, noInbound, noOutbound, assignTo, ingress, gateway, fromFile,
      Shared.requestID, Shared.validateOnly,
    ],
    positionals: [e164]
  ) { (arguments) throws(ArgumentError) in
    let number = try arguments.value(e164)
    guard let file = try arguments.value(fromFile) else {
      guard let number else { throw .positionalMissing("NUMBER") }
      return try importOne(number, arguments)
    }
    guard number == nil else { throw .conflict("Give a number or --from-file, not both.") }
    guard !arguments.isGiven(label), !arguments.isGiven(Shared.validateOnly),
      !arguments.isGiven(ingress), !arguments.isGiven(gateway)
    else {
      throw .conflict(
        "--label, --ingress, --gateway and --validate-only do not go with --from-file.")
    }
    return try importMany(file, arguments)
  }

  private static func importOne(
    _ number: String, _ arguments: Arguments
  ) throws(ArgumentError) -> SessionAction {
    var request = V1.ImportPhoneNumberRequest()
    let credentials = try ProviderSecrets(arguments)
    let account = try arguments.value(accountSID)
    if let account {
      guard !arguments.isGiven(newProviderID) else {
        throw .conflict("Give --provider-id or --account-sid, not both.")
      }
      guard let region = try arguments.value(credentialsRegion) else {
        throw .conflict("--account-sid needs --region beside it.")
      }
      var twilio = V1.Provider.Twilio()
      twilio.accountSID = account
      var provider = V1.Provider()
      provider.region = region
      provider.config = .twilio(twilio)
      request.provider = provider
    } else {
      request.providerID = try knownProvider(arguments)
    }
    request.e164 = number
    request.label = try arguments.value(label) ?? ""
    request.labels = try arguments.value(Shared.labels)
    if try arguments.value(noInbound) { request.supportsInbound = false }
    if try arguments.value(noOutbound) { request.supportsOutbound = false }
    if let id = try arguments.value(assignTo) {
      request.assignee = id.hasPrefix(softphonePrefix) ? .softphoneID(id) : .agentID(id)
    }
    request.ingress = try arguments.value(ingress) ?? .unspecified
    request.gatewayProviderID = try arguments.value(gateway) ?? ""
    guard (request.ingress == .trunk) != request.gatewayProviderID.isEmpty else {
      throw .conflict("--ingress trunk and --gateway go together.")
    }
    request.validateOnly = try arguments.value(Shared.validateOnly)
    let givenID = try arguments.value(Shared.requestID)
    let template = request
    return SessionAction { (session) async throws(CommandFailure) in
      var request = template
      request.requestID = givenID ?? session.makeRequestID()
      if case .twilio(var twilio) = request.provider?.config {
        _ = try credentials.fill(&twilio, isNew: true, session)
        request.provider?.config = .twilio(twilio)
      }
      let (client, sent) = (V1.PhoneNumberServiceClient(channel: session.channel), request)
      let answer = try await session.call(.whenUnavailable(requestID: sent.requestID)) {
        (options) async throws(RPCError) in
        try await client.importPhoneNumber(sent, options: options)
      }
      try session.show(answer) { record($0.phoneNumber) }
    }
  }

  /// The provider that is named; credentials do not go with it.
  private static func knownProvider(_ arguments: Arguments) throws(ArgumentError) -> String {
    guard let id = try arguments.value(newProviderID) else {
      throw .optionMissing("--provider-id", environment: nil)
    }
    guard !arguments.isGiven(accountSID), !arguments.isGiven(credentialsRegion),
      !arguments.isGiven(apiKeySID), !arguments.isGiven(apiKeySecretFile),
      !arguments.isGiven(authTokenFile)
    else {
      throw .conflict("The provider has an account, a region and credentials already.")
    }
    return id
  }

  private static func importMany(
    _ file: String, _ arguments: Arguments
  ) throws(ArgumentError) -> SessionAction {
    var entry = V1.BatchImportPhoneNumbersRequest.Entry()
    var request = V1.BatchImportPhoneNumbersRequest()
    request.providerID = try knownProvider(arguments)
    entry.labels = try arguments.value(Shared.labels)
    var words = ["trunkline phone-numbers import --from-file", shellWord(file)]
    words += ["--provider-id", shellWord(request.providerID)]
    if try arguments.value(noInbound) {
      entry.supportsInbound = false
      words.append("--no-inbound")
    }
    if try arguments.value(noOutbound) {
      entry.supportsOutbound = false
      words.append("--no-outbound")
    }
    if let id = try arguments.value(assignTo) {
      entry.assignee = id.hasPrefix(softphonePrefix) ? .softphoneID(id) : .agentID(id)
      words += ["--assign-to", shellWord(id)]
    }
    for (key, value) in entry.labels.sorted(by: { $0.key < $1.key }) {
      words += ["--labels", shellWord("\(key)=\(value)")]
    }
    let givenID = try arguments.value(Shared.requestID)
    let (template, common, command) = (request, entry, words)
    return SessionAction { (session) async throws(CommandFailure) in
      var request = template
      request.requestID = givenID ?? session.makeRequestID()
      do throws(ConsoleError) {
        let text = try session.console.read(file, Console.listSizeMax)
        request.numbers = entries(in: text, common)
        if request.numbers.isEmpty { throw .empty(path: file) }
      } catch {
        throw .secret(error)
      }
      let again = (command + ["--request-id", shellWord(request.requestID)])
        .joined(separator: " ")
      try await PhoneNumberBatch(request: request, resumption: again).run(session)
    }
  }

  /// The numbers of a list; empty lines and those that begin with `#` are none.
  private static func entries(
    in text: String, _ common: V1.BatchImportPhoneNumbersRequest.Entry
  ) -> [V1.BatchImportPhoneNumbersRequest.Entry] {
    text.split(whereSeparator: \.isNewline).compactMap { line in
      let parts = line.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
      let number = trimmed(parts[0])
      guard !number.hasPrefix("#"), !(number.isEmpty && parts.count == 1) else { return nil }
      var entry = common
      entry.e164 = number
      entry.label = parts.count > 1 ? trimmed(parts[1]) : ""
      return entry
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0.isWhitespace }
    guard let end = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...end])
  }

  /// A word as a shell takes it back.
  private static func shellWord(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.unicodeScalars.allSatisfy { scalar in
        scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
          || "-_./=+:@,".unicodeScalars.contains(scalar)
      }
    guard !isPlain else { return text }
    return "'"
      + text.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: "'\\''") + "'"
  }
}
