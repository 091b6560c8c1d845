internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  static let calls = Command<SessionAction>.group(
    "calls", "Places calls, and follows and ends them.",
    [placeCalls, listCalls, getCall, watchCalls, hangUpCall])

  private static let id: Positional<String> = .required(
    "CALL_ID", .text("CALL_ID"), "The call, call_us1_….")

  // MARK: Commands

  private static let destinations: Positional<[String]> = .rest(
    "NUMBER", .text("NUMBER"), "Whom to call, in E.164 form, +15005550007.")
  private static let from: Option<String> = .required(
    "from", .text("pn_…"), "The number to call from.")
  private static let speaker: Option<String?> = .optional(
    "agent-id", .text("AGENT_ID"), "The agent that speaks. Without it the number's own.")
  private static let ringingTimeout: Option<Duration?> = .optional(
    "ringing-timeout", .duration(in: .seconds(5) ... .seconds(600)),
    "How long to let it ring, in whole seconds. Without it 60s.")
  private static let metadata: Option<[String: String]> = .map(
    "metadata", .text("KEY"), .anyText("VALUE"), commas: false,
    "Kept with the calls and given to the agent.")
  private static let waitFor: Option<V1.WaitFor> = .value(
    "wait", .choice(["queued": .queued, "carrier": .carrierAccepted]), default: "queued",
    "Until when to wait: the calls are written down, or the carrier took or refused them.")

  private static let placeCalls = Command<SessionAction>.action(
    "place", "Calls one or more numbers.",
    discussion: "Each is dialled once at most, even when the command is repeated with the request "
      + "id that it prints.",
    options: [from, speaker, ringingTimeout, metadata, waitFor, Shared.requestID],
    positionals: [destinations]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.PlaceCallsRequest()
    request.fromNumberID = try arguments.value(from)
    request.agentID = try arguments.value(speaker)
    let metadata = try arguments.value(metadata)
    request.outboundCalls = try arguments.value(destinations).map {
      V1.OutboundCall(toNumber: $0, metadata: metadata)
    }
    request.ringingTimeout = try arguments.value(ringingTimeout).map { timeout in
      Google.Protobuf.Duration(seconds: timeout.components.seconds)
    }
    request.waitFor = try arguments.value(waitFor)
    let givenID = try arguments.value(Shared.requestID)
    let template = request
    return SessionAction { (session) async throws(CommandFailure) in
      var request = template
      request.requestID = givenID ?? session.makeRequestID()
      let (client, sent) = (V1.CallDispatchServiceClient(channel: session.channel), request)
      let answer = try await session.call(.whenUnavailable(requestID: sent.requestID)) {
        (options) async throws(RPCError) in try await client.placeCalls(sent, options: options)
      }
      try session.show(answer) { text($0, of: sent) }
      let refused = answer.results.count { result in
        if case .call = result.result { false } else { true }
      }
      guard refused == 0 else { throw .refused(count: refused, of: answer.results.count) }
    }
  }

  private static let phoneNumberID: Option<String?> = .optional(
    "phone-number-id", .text("pn_…"), "Only calls of this number.")
  private static let agentID: Option<String?> = .optional(
    "agent-id", .text("AGENT_ID"), "Only calls of this agent.")
  private static let softphoneID: Option<String?> = .optional(
    "softphone-id", .text("sph_…"), "Only calls of this softphone.")
  private static let providerID: Option<String?> = .optional(
    "provider-id", .text("prv_…"), "Only calls of this provider.")
  private static let direction: Option<V1.Call.Direction?> = .optional(
    "direction", .choice(["inbound": .inbound, "outbound": .outbound]),
    "Only calls of this direction.")
  private static let state: Option<V1.Call.State?> = .optional(
    "state",
    .choice([
      "queued": .queued, "dialing": .dialing, "ringing": .ringing, "in_progress": .inProgress,
      "completed": .completed, "busy": .busy, "no_answer": .noAnswer, "failed": .failed,
      "canceled": .canceled,
    ]), "Only calls in this state.")
  private static let live: Option<Bool> = .flag("live", "Only calls that are not over.")

  private static let listCalls = Command<SessionAction>.action(
    "ls", "Lists calls, newest first.",
    options: [
      Shared.region, phoneNumberID, agentID, softphoneID, providerID, direction, state, live,
      Shared.limit,
    ]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.ListCallsRequest()
    request.region = try arguments.value(Shared.region) ?? .unspecified
    request.phoneNumberID = try arguments.value(phoneNumberID) ?? ""
    request.agentID = try arguments.value(agentID) ?? ""
    request.softphoneID = try arguments.value(softphoneID) ?? ""
    request.providerID = try arguments.value(providerID) ?? ""
    request.direction = try arguments.value(direction) ?? .unspecified
    request.state = try arguments.value(state) ?? .unspecified
    request.liveOnly = try arguments.value(live)
    let limit = try arguments.value(Shared.limit)
    let template = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.CallDispatchServiceClient(channel: session.channel)
      let all = try await session.pages(limit: limit) {
        (size, token) async throws(CommandFailure) in
        var request = template
        (request.pageSize, request.pageToken) = (size, token)
        let sent = request
        let page = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in try await client.listCalls(sent, options: options)
        }
        return (page.calls, page.nextPageToken)
      }
      var answer = V1.ListCallsResponse()
      (answer.calls, answer.nextPageToken) = all
      try session.show(answer) { CallText.table($0.calls) }
    }
  }

  private static let getCall = Command<SessionAction>.action(
    "get", "Shows a call.", positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.GetCallRequest(id: try arguments.value(id))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.CallDispatchServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in try await client.getCall(request, options: options)
      }
      try session.show(answer) { CallText.record($0.call) }
    }
  }

  private static let watchedID: Positional<String?> = .optional(
    "CALL_ID", .text("CALL_ID"), "Only this call, until it is over.")
  private static let resumeToken: Option<String?> = .optional(
    "resume-token", .text("TOKEN"), "Begin where an earlier watch stopped.")

  private static let watchCalls = Command<SessionAction>.action(
    "watch", "Shows calls as they change, until it is interrupted.",
    discussion: "As JSON each line has the resume token that begins after it.",
    options: [
      Shared.region, phoneNumberID, agentID, softphoneID, providerID, direction, resumeToken,
    ],
    positionals: [watchedID]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.WatchCallsRequest()
    request.region = try arguments.value(Shared.region) ?? .unspecified
    request.phoneNumberID = try arguments.value(phoneNumberID) ?? ""
    request.agentID = try arguments.value(agentID) ?? ""
    request.softphoneID = try arguments.value(softphoneID) ?? ""
    request.providerID = try arguments.value(providerID) ?? ""
    request.direction = try arguments.value(direction) ?? .unspecified
    request.resumeToken = try arguments.value(resumeToken) ?? ""
    let watch = CallWatch(request: request, callID: try arguments.value(watchedID))
    return SessionAction { (session) async throws(CommandFailure) in try await watch.run(session) }
  }

  private static let hangUpCall = Command<SessionAction>.action(
    "hangup", "Ends a call. It succeeds for a call that is over.", positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.HangUpCallRequest(id: try arguments.value(id))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.CallDispatchServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in try await client.hangUpCall(request, options: options)
      }
      try session.show(answer) { CallText.record($0.call) }
    }
  }

  // MARK: Texts

  private static func text(
    _ answer: V1.PlaceCallsResponse, of request: V1.PlaceCallsRequest
  ) -> String {
    var table = Table(["TO", "CALL", "STATE", "ERROR"])
    for (call, result) in zip(request.outboundCalls, answer.results) {
      switch result.result {
      case .call(let placed):
        let state = shortName(placed.state, prefix: "STATE_")
        table.append([call.toNumber, placed.id, state, ""])
      case .error(let status):
        let reason = ErrorDetails(status.details).info?.reason ?? ""
        let text = reason.isEmpty ? status.message : "\(status.message) (\(reason))"
        table.append([call.toNumber, "", "", text])
      case nil:
        table.append([call.toNumber, "", "", "The server gave no result."])
      }
    }
    return table.text + "Request id: \(request.requestID)\n"
  }
}
