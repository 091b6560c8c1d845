internal import API
internal import GRPC

// What changes a number at its carrier, once it is imported.
extension TrunklineCommands {
  private static let force: Option<Bool> = .flag(
    "force", "Give up what is left at the carrier; only for a corrupted number.")
  private static let wait: Option<Bool> = .flag(
    "wait", "Wait until the work is over, and show how it ended.")
  private static let target: Positional<String> = .required(
    "PROVIDER_ID", .text("PROVIDER_ID"), "The provider that it is to be under, prv_….")

  static let moveNumber = Command<SessionAction>.action(
    "move", "Puts a number under another provider of its account, in another region.",
    discussion: "Both regions answer until the carrier knows the new one.",
    options: [Shared.etag, Shared.requestID, Shared.validateOnly, wait],
    positionals: [numberID, target]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.MovePhoneNumberRequest()
    request.id = try arguments.value(numberID)
    request.providerID = try arguments.value(target)
    request.etag = try arguments.value(Shared.etag) ?? ""
    request.validateOnly = try arguments.value(Shared.validateOnly)
    let givenID = try arguments.value(Shared.requestID)
    let (template, waits) = (request, try arguments.value(wait))
    return SessionAction { (session) async throws(CommandFailure) in
      var request = template
      request.requestID = givenID ?? session.makeRequestID()
      let sent = request
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      var answer = try await session.call(.whenUnavailable(requestID: sent.requestID)) {
        (options) async throws(RPCError) in
        try await client.movePhoneNumber(sent, options: options)
      }
      if waits { answer.operation = try await session.end(of: answer.operation) }
      try session.show(answer) { $0.operation.map { record($0) } ?? "It can be moved.\n" }
    }
  }

  static let repairNumber = Command<SessionAction>.action(
    "repair", "Writes a number's settings to the carrier again.",
    discussion: "Of a corrupted number it tries again to put back what was left.",
    options: [Shared.etag, Shared.requestID, wait], positionals: [numberID]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.RepairPhoneNumberRequest()
    request.id = try arguments.value(numberID)
    request.etag = try arguments.value(Shared.etag) ?? ""
    let givenID = try arguments.value(Shared.requestID)
    let (template, waits) = (request, try arguments.value(wait))
    return SessionAction { (session) async throws(CommandFailure) in
      var request = template
      request.requestID = givenID ?? session.makeRequestID()
      let sent = request
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      var answer = try await session.call(.whenUnavailable(requestID: sent.requestID)) {
        (options) async throws(RPCError) in
        try await client.repairPhoneNumber(sent, options: options)
      }
      if waits { answer.operation = try await session.end(of: answer.operation) }
      try session.show(answer) { record($0.operation) }
    }
  }

  static let deleteNumber = Command<SessionAction>.action(
    "delete", "Removes a number and puts the carrier's former settings back.",
    discussion: "The account keeps the number. It must be unassigned first.",
    options: [Shared.etag, force], positionals: [numberID]
  ) { (arguments) throws(ArgumentError) in
    let id = try arguments.value(numberID)
    let etag = try arguments.value(Shared.etag) ?? ""
    let isForced = try arguments.value(force)
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      if isForced {
        let request = V1.ForceDeletePhoneNumberRequest(id: id, etag: etag)
        let answer = try await session.call(.never) { (options) async throws(RPCError) in
          try await client.forceDeletePhoneNumber(request, options: options)
        }
        return try session.show(answer) { answer in
          "Deleted \(id). What was given up at the carrier:\n"
            + (answer.phoneNumber.map { record($0) } ?? "")
        }
      }
      let request = V1.DeletePhoneNumberRequest(id: id, etag: etag)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.deletePhoneNumber(request, options: options)
      }
      try session.show(answer) { answer in
        guard let number = answer.phoneNumber, number.state == .corrupted else {
          return "Deleted \(id).\n"
        }
        return record(number)
      }
    }
  }
}

extension Session {
  /// The operation once it is over, as long as the command may wait.
  func end(
    of operation: V1.Operation?
  ) async throws(CommandFailure) -> V1.Operation? {
    guard let operation else { return nil }
    let client = V1.OperationServiceClient(channel: channel)
    let request = V1.WaitOperationRequest(id: operation.id)
    return try await call(.whenUnavailable(requestID: nil)) { (options) async throws(RPCError) in
      try await client.waitOperation(request, options: options)
    }.operation
  }
}
