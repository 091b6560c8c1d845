internal import API
internal import Access
internal import CallDispatch
internal import GRPC
internal import Registry
internal import Telephony
internal import WellKnown

// What requests ask for, in call dispatch's words.

extension PlaceRequest {
  init(
    _ request: Trunkline.V1.PlaceCallsRequest, by caller: Caller
  ) throws(RPCError) {
    var reader = RequestReader()
    let from: PhoneNumberID? = reader.id("from_number_id", request.fromNumberID, form: "pn_")
    var agent: AgentID?
    if let text = request.agentID {
      agent = reader.optionalAgentID("agent_id", text)
      if text.isEmpty { reader.refuse("agent_id", "REQUIRED", "Leave it unset, or name an agent.") }
    }
    let ringing = request.ringingTimeout.flatMap { reader.seconds("ringing_timeout", $0) }
    let waitFor = reader.waitFor(request.waitFor)
    try reader.finish()
    guard let from else { throw .unexpected }
    self.init(
      caller: caller, requestID: request.requestID.isEmpty ? nil : request.requestID, from: from,
      destinations: request.outboundCalls.map {
        Destination(to: $0.toNumber, metadata: $0.metadata)
      },
      agent: agent, ringingTimeoutSeconds: ringing, waitFor: waitFor)
  }
}

extension RequestReader {
  fileprivate mutating func waitFor(
    _ value: Trunkline.V1.WaitFor
  ) -> PlaceRequest.WaitFor {
    switch value {
    case .unspecified, .queued: return .queued
    case .carrierAccepted: return .carrierAccepted
    case .unrecognized:
      refuse("wait_for", "UNKNOWN", "Known are WAIT_FOR_QUEUED and WAIT_FOR_CARRIER_ACCEPTED.")
      return .queued
    }
  }

  /// Whole seconds; the use case says which are allowed.
  fileprivate mutating func seconds(
    _ field: String, _ duration: Google.Protobuf.Duration
  ) -> Int? {
    guard duration.nanos == 0, let seconds = Int(exactly: duration.seconds) else {
      refuse(field, "MALFORMED", "It must be whole seconds.")
      return nil
    }
    return seconds
  }
}

extension CallFilter {
  init(
    _ request: Trunkline.V1.ListCallsRequest, tenant: TenantID
  ) throws(RPCError) {
    var reader = RequestReader()
    self.init(
      tenant: tenant,
      number: reader.optionalID("phone_number_id", request.phoneNumberID, form: "pn_"),
      agent: reader.assignee(agent: request.agentID, softphone: request.softphoneID),
      provider: reader.optionalID("provider_id", request.providerID, form: "prv_"),
      region: reader.filter("region", request.region.choice),
      state: reader.filter("state", request.state.choice),
      direction: reader.filter("direction", request.direction.choice),
      liveOnly: request.liveOnly)
    try reader.finish()
  }

  init(
    _ request: Trunkline.V1.WatchCallsRequest, tenant: TenantID
  ) throws(RPCError) {
    var reader = RequestReader()
    self.init(
      tenant: tenant,
      number: reader.optionalID("phone_number_id", request.phoneNumberID, form: "pn_"),
      agent: reader.assignee(agent: request.agentID, softphone: request.softphoneID),
      provider: reader.optionalID("provider_id", request.providerID, form: "prv_"),
      region: reader.filter("region", request.region.choice),
      direction: reader.filter("direction", request.direction.choice))
    try reader.finish()
  }
}
