internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  private static let id: Positional<String> = .required(
    "PROVIDER_ID", .text("PROVIDER_ID"), "The provider, prv_….")
  private static let isDryRun: Option<Bool> = .flag(
    "dry-run", "Find out and change nothing, not even a number's state.")

  static let syncProvider = Command<SessionAction>.action(
    "sync", "Compares a provider's numbers with the carrier, and marks those that differ.",
    discussion: "Nothing changes at the carrier, and no number is imported.",
    examples: [
      .init("trunkline providers sync prv_… --dry-run", "What somebody changed at the carrier.")
    ],
    options: [isDryRun, Shared.requestID], positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let id = try arguments.value(id)
    let isDryRun = try arguments.value(isDryRun)
    let givenID = try arguments.value(Shared.requestID)
    return SessionAction { (session) async throws(CommandFailure) in
      let request = V1.SyncProviderRequest(
        id: id, dryRun: isDryRun, requestID: givenID ?? session.makeRequestID())
      let client = V1.ProviderServiceClient(channel: session.channel)
      let begun = try await session.call(.whenUnavailable(requestID: request.requestID)) {
        (options) async throws(RPCError) in try await client.syncProvider(request, options: options)
      }
      let answer = try await end(of: begun.operation, session)
      try session.show(answer) { text($0.operation) }
      if let error = answer.operation?.error {
        let code = StatusCode(rawValue: Int(error.code)) ?? .unknown
        throw .call(RPCError(code, error.message, details: error.details), requestID: nil)
      }
    }
  }

  /// How long one wait for the end lasts, before the progress is shown.
  private static let waitSecondsMax: Int64 = 1

  /// Waits for the end, with a line on how far it is whenever that changes.
  private static func end(
    of operation: V1.Operation?, _ session: Session
  ) async throws(CommandFailure) -> V1.WaitOperationResponse {
    let client = V1.OperationServiceClient(channel: session.channel)
    var shown: Int64 = 0
    while true {
      var request = V1.WaitOperationRequest(id: operation?.id ?? "")
      request.timeout = Google.Protobuf.Duration(seconds: waitSecondsMax, nanos: 0)
      let sent = request
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.waitOperation(sent, options: options)
      }
      guard let operation = answer.operation, operation.state == .running else { return answer }
      guard case .sync(let sync) = operation.result, sync.comparedCount != shown else { continue }
      shown = sync.comparedCount
      session.console.printError("\(shown) numbers compared\n")
    }
  }

  private static func text(_ operation: V1.Operation?) -> String {
    guard let operation, case .sync(let sync) = operation.result else { return "" }
    var table = Table(["PHONE NUMBER ID", "NUMBER", "CHANGE", "FINDINGS"])
    for number in sync.numbers {
      table.append([
        number.phoneNumberID, number.e164, shortName(number.change, prefix: "CHANGE_"),
        number.findings.map(\.reason).joined(separator: " "),
      ])
    }
    var text = sync.numbers.isEmpty ? "" : table.text
    let (shown, all) = (Int64(sync.numbers.count), sync.numberCount)
    if all > shown { text += "… and \(all - shown) more.\n" }
    var record = Record()
    record.append("operation", operation.id)
    record.append("state", shortName(operation.state, prefix: "STATE_"))
    record.append("compared", "\(sync.comparedCount)")
    record.append("differ", "\(sync.driftedCount)")
    record.append(sync.dryRun ? "would be marked" : "marked", "\(sync.markedCount)")
    record.append(sync.dryRun ? "would be healed" : "healed", "\(sync.healedCount)")
    record.append("left alone", "\(sync.skippedCount)")
    record.append("not told by the carrier", "\(sync.unreadCount)")
    record.append("other labels", "\(sync.otherLabelCount)")
    record.append("not imported", "\(sync.unimportedCount)")
    return text + record.text
  }
}
