internal import API
internal import GRPC
internal import WellKnown

// A second set of credentials of a provider: staged, promoted, rolled back.

extension TrunklineCommands {
  static let stageCredential = Command<SessionAction>.action(
    "stage", "Stores a second set of credentials beside the current one.",
    discussion: "They are tried on every number first. Webhooks that are signed with the staged "
      + "Auth Token are accepted from then on, and some requests are made with the staged key: "
      + "`providers get` tells what became of them. `providers promote` makes them the current "
      + "ones, `providers rollback` forgets them.",
    options: [
      apiKeySID, apiKeySecretFile, authTokenFile, Shared.etag, Shared.requestID,
      Shared.validateOnly,
    ],
    positionals: [providerArgument]
  ) { (arguments) throws(ArgumentError) in
    let secrets = try ProviderSecrets(arguments)
    var request = V1.StageCredentialRequest()
    request.id = try arguments.value(providerArgument)
    request.etag = try arguments.value(Shared.etag) ?? ""
    request.validateOnly = try arguments.value(Shared.validateOnly)
    let givenID = try arguments.value(Shared.requestID)
    let template = request
    return SessionAction { (session) async throws(CommandFailure) in
      var twilio = V1.Provider.Twilio()
      _ = try secrets.fill(&twilio, isNew: false, session)
      var request = template
      request.credential = .twilio(twilio)
      request.requestID = givenID ?? session.makeRequestID()
      let (client, sent) = (V1.ProviderServiceClient(channel: session.channel), request)
      let answer = try await session.call(.whenUnavailable(requestID: sent.requestID)) {
        (options) async throws(RPCError) in
        try await client.stageCredential(sent, options: options)
      }
      try session.show(answer) { record($0.provider) }
    }
  }

  static let promoteCredential = Command<SessionAction>.action(
    "promote", "Makes the staged credentials the current ones.",
    discussion: "They are tried on every number once more. What they replace is kept for a while: "
      + "`providers rollback` puts it back. The work is an operation: it goes on when this is "
      + "interrupted, and `operations cancel` ends it.",
    options: [Shared.etag], positionals: [providerArgument]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.PromoteCredentialRequest(
      id: try arguments.value(providerArgument), etag: try arguments.value(Shared.etag) ?? "",
      beginOnly: true)
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.ProviderServiceClient(channel: session.channel)
      var answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.promoteCredential(request, options: options)
      }
      answer.operation = try await rotationEnd(answer.operation, session)
      if let error = answer.operation?.error {
        let code = StatusCode(rawValue: Int(error.code)) ?? .unknown
        throw .call(RPCError(code, error.message, details: error.details), requestID: nil)
      }
      let wanted = V1.GetProviderRequest(id: request.id)
      let read = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in try await client.getProvider(wanted, options: options)
      }
      answer.provider = read.provider
      try session.show(answer) { record($0.provider) }
    }
  }

  /// Waits for the end, with a bar on a terminal.
  private static func rotationEnd(
    _ begun: V1.Operation?, _ session: Session
  ) async throws(CommandFailure) -> V1.Operation? {
    let client = V1.OperationServiceClient(channel: session.channel)
    let showsBar = session.output == .table && session.console.isErrorTerminal
    var request = V1.WaitOperationRequest(id: begun?.id ?? "")
    request.timeout = Google.Protobuf.Duration(seconds: 1, nanos: 0)
    let sent = request
    while true {
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.waitOperation(sent, options: options)
      }
      if showsBar, case .rotation(let rotation) = answer.operation?.result {
        session.console.printError(
          ProgressBar.text(
            done: Int(rotation.triedCount), of: Int(rotation.totalCount), " numbers tried"))
      }
      guard answer.operation?.state == .running else {
        if showsBar { session.console.printError("\n") }
        return answer.operation
      }
    }
  }

  static let rollbackCredential = Command<SessionAction>.action(
    "rollback", "Takes back one step: forgets the staged credentials, or undoes the promotion.",
    options: [Shared.etag], positionals: [providerArgument]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.RollbackCredentialRequest(
      id: try arguments.value(providerArgument), etag: try arguments.value(Shared.etag) ?? "")
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.ProviderServiceClient(channel: session.channel)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.rollbackCredential(request, options: options)
      }
      try session.show(answer) { record($0.provider) }
    }
  }

  // MARK: Texts

  static func append(_ staged: V1.StagedCredential?, to record: inout Record) {
    guard let staged else { return }
    record.append("staged API key", staged.apiKeySID)
    record.append("staged Auth Token", staged.hasAuthToken ? "stored" : "none")
    record.append("staged state", shortName(staged.state, prefix: "STATE_"))
    record.append(
      "staged use",
      "\(staged.requestCount) requests, \(staged.webhookCount) webhooks, "
        + "\(staged.refusalCount) refused")
  }

  static func append(_ previous: V1.PreviousCredential?, to record: inout Record) {
    guard let previous else { return }
    record.append("previous API key", previous.apiKeySID)
    record.append("previous Auth Token", previous.hasAuthToken ? "stored" : "none")
    record.append("previous kept until", previous.expireTime?.text ?? "")
  }
}
