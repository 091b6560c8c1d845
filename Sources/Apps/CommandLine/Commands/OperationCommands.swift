internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  static let operations = Command<SessionAction>.group(
    "operations", "Shows the work that goes on at carriers, and what became of it.",
    [listOperations, getOperation, waitOperation, cancelOperation])

  private static let id: Positional<String> = .required(
    "ID", .text("ID"), "The operation's id, op_….")
  private static let number: Option<String?> = .optional(
    "number", .text("ID"), "Only on this number, pn_…, which may be gone.")
  private static let provider: Option<String?> = .optional(
    "provider", .text("ID"), "Only on this provider itself, prv_….")
  private static let operationState: Option<V1.Operation.State?> = .optional(
    "state", .choice(["running": .running, "succeeded": .succeeded, "failed": .failed]),
    "Only in this state.")
  private static let longest: Option<Duration?> = .optional(
    "for", .duration(in: .milliseconds(1) ... .seconds(3600)),
    "Wait no longer than this, and show how far it is; an hour without it.")

  private static let listOperations = Command<SessionAction>.action(
    "ls", "Lists operations, newest first.",
    examples: [
      .init("trunkline operations ls --state failed", "What could not be done, and why."),
      .init("trunkline operations ls --number pn_… -o json", "A number's work, for a program."),
    ],
    options: [number, provider, operationState, Shared.limit]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.ListOperationsRequest()
    request.phoneNumberID = try arguments.value(number) ?? ""
    request.providerID = try arguments.value(provider) ?? ""
    request.state = try arguments.value(operationState) ?? .unspecified
    let limit = try arguments.value(Shared.limit)
    let template = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.OperationServiceClient(channel: session.channel)
      let all = try await session.pages(limit: limit) {
        (size, token) async throws(CommandFailure) in
        var request = template
        (request.pageSize, request.pageToken) = (size, token)
        let sent = request
        let page = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in
          try await client.listOperations(sent, options: options)
        }
        return (page.operations, page.nextPageToken)
      }
      var answer = V1.ListOperationsResponse()
      (answer.operations, answer.nextPageToken) = all
      try session.show(answer) { table($0.operations) }
    }
  }

  private static let getOperation = Command<SessionAction>.action(
    "get", "Shows an operation with its steps.", positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.GetOperationRequest(id: try arguments.value(id))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.OperationServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.getOperation(request, options: options)
      }
      try session.show(answer) { record($0.operation) }
    }
  }

  private static let waitOperation = Command<SessionAction>.action(
    "wait", "Waits until an operation is over, and shows it.", options: [longest],
    positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.WaitOperationRequest(id: try arguments.value(id))
    request.timeout = try arguments.value(longest).map { longest in
      let (seconds, attoseconds) = longest.components
      return Google.Protobuf.Duration(
        seconds: seconds, nanos: Int32(attoseconds / 1_000_000_000))
    }
    let sent = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.OperationServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.waitOperation(sent, options: options)
      }
      try session.show(answer) { record($0.operation) }
    }
  }

  private static let cancelOperation = Command<SessionAction>.action(
    "cancel", "Asks an operation to end as if it had not been begun.",
    discussion: "Imports are undone, and moves until the region of before is touched. A batch "
      + "begins no more numbers; those that it imported stay. `operations wait` shows the end.",
    positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.CancelOperationRequest(id: try arguments.value(id))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.OperationServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.cancelOperation(request, options: options)
      }
      try session.show(answer) { record($0.operation) }
    }
  }

  // MARK: Texts

  private static func resource(_ operation: V1.Operation) -> String {
    switch operation.resource {
    case .phoneNumberID(let id), .providerID(let id): id
    case nil: ""
    }
  }

  private static func table(_ operations: [V1.Operation]) -> String {
    var table = Table(["ID", "TYPE", "RESOURCE", "STATE", "BEGAN", "ERROR"])
    for operation in operations {
      table.append([
        operation.id, shortName(operation.type, prefix: "TYPE_"), resource(operation),
        shortName(operation.state, prefix: "STATE_"), operation.createTime?.text ?? "",
        operation.error?.message ?? "",
      ])
    }
    return table.text
  }

  static func record(_ operation: V1.Operation?) -> String {
    guard let operation else { return "" }
    var record = Record()
    record.append("id", operation.id)
    record.append("type", shortName(operation.type, prefix: "TYPE_"))
    record.append("resource", resource(operation))
    record.append("state", shortName(operation.state, prefix: "STATE_"))
    for step in operation.steps {
      let words = [
        shortName(step.type, prefix: "TYPE_"), step.region.text,
        shortName(step.state, prefix: "STATE_"),
        step.carrierCode.map { "(carrier error \($0))" } ?? "",
      ]
      record.append("step", words.filter { !$0.isEmpty }.joined(separator: " "))
    }
    switch operation.result {
    case .batchImport(let batch):
      record.append("numbers", "\(batch.doneCount) of \(batch.totalCount) ended")
      record.append("not imported", "\(batch.failedCount)")
      for result in batch.results {
        guard case .error(let error) = result.outcome else { continue }
        record.append("not imported", "\(result.e164) \(error.message)")
      }
    case .rotation(let rotation):
      record.append("numbers", "\(rotation.triedCount) of \(rotation.totalCount) tried")
      record.append("not reached", "\(rotation.unreachableCount)")
      for number in rotation.unreachableNumbers {
        record.append("not reached", "\(number.phoneNumberID) \(number.e164)")
      }
    case .sync, nil: break
    }
    if operation.cancelRequested { record.append("cancelled", "yes") }
    record.append("error", operation.error?.message ?? "")
    record.append("began", operation.createTime?.text ?? "")
    record.append("updated", operation.updateTime?.text ?? "")
    record.append("ended", operation.endTime?.text ?? "")
    return record.text
  }
}
