internal import API
internal import CallDispatch
internal import GRPC
internal import Registry
internal import Telephony
internal import WellKnown

extension Trunkline.V1.Call {
  init(_ call: CallDispatch.Call) {
    self.init()
    id = call.id.description
    requestID = call.requestID ?? ""
    region = Trunkline.V1.Region(call.region)
    providerID = call.provider.description
    accountSID = call.account.description
    phoneNumberID = call.number.description
    switch call.agent?.kind {
    case .agent?: agentID = call.agent?.description ?? ""
    case .softphone?: softphoneID = call.agent?.description ?? ""
    case nil: break
    }
    carrierCallID = call.carrierCallID?.description ?? ""
    from = call.from.text
    to = call.to.text
    switch call.direction {
    case .inbound: direction = .inbound
    case .outbound: direction = .outbound
    }
    state = State(call.state)
    endReason = call.endReason.map { EndReason($0) } ?? .unspecified
    outcomeUnknown = call.outcomeUnknown
    sipCode = call.sipCode.map { Int32(clamping: $0) }
    carrierCode = call.carrierCode.map { Int32(clamping: $0) }
    metadata = call.metadata
    sequence = call.version
    createTime = Google.Protobuf.Timestamp(call.createTime)
    dialTime = call.dialTime.map { Google.Protobuf.Timestamp($0) }
    ringTime = call.ringTime.map { Google.Protobuf.Timestamp($0) }
    answerTime = call.answerTime.map { Google.Protobuf.Timestamp($0) }
    endTime = call.endTime.map { Google.Protobuf.Timestamp($0) }
  }
}

extension Trunkline.V1.Call.State {
  init(_ state: CallState) {
    switch state {
    case .queued: self = .queued
    case .dialing: self = .dialing
    case .ringing: self = .ringing
    case .inProgress: self = .inProgress
    case .completed: self = .completed
    case .busy: self = .busy
    case .noAnswer: self = .noAnswer
    case .failed: self = .failed
    case .canceled: self = .canceled
    }
  }

  /// What a filter means.
  var choice: Choice<CallState> {
    switch self {
    case .unspecified: .unset
    case .queued: .value(.queued)
    case .dialing: .value(.dialing)
    case .ringing: .value(.ringing)
    case .inProgress: .value(.inProgress)
    case .completed: .value(.completed)
    case .busy: .value(.busy)
    case .noAnswer: .value(.noAnswer)
    case .failed: .value(.failed)
    case .canceled: .value(.canceled)
    case .unrecognized: .unknown
    }
  }
}

extension Trunkline.V1.Call.Direction {
  /// What a filter means.
  var choice: Choice<CallDirection> {
    switch self {
    case .unspecified: .unset
    case .inbound: .value(.inbound)
    case .outbound: .value(.outbound)
    case .unrecognized: .unknown
    }
  }
}

extension Trunkline.V1.Call.EndReason {
  fileprivate init(_ reason: CallDispatch.EndReason) {
    switch reason {
    case .completed: self = .completed
    case .hungUp: self = .hungUp
    case .canceled: self = .canceled
    case .busy: self = .busy
    case .noAnswer: self = .noAnswer
    case .carrierFailed: self = .carrierFailed
    case .carrierRefused: self = .carrierRefused
    case .carrierUnavailable: self = .carrierUnavailable
    case .credentialsUnavailable: self = .credentialsUnavailable
    case .attemptUnresolved: self = .attemptUnresolved
    case .outcomeUnknown: self = .outcomeUnknown
    case .rejected: self = .rejected
    case .unverified: self = .unverified
    }
  }
}

extension Trunkline.V1.PlaceCallResult {
  /// What became of the destination at `index` of the request.
  init(_ result: PlaceResult, index: Int) {
    self.init()
    switch result {
    case .call(let call): self.result = .call(Trunkline.V1.Call(call))
    case .refused(let refusal):
      let field = "outbound_calls[\(index)].to_number"
      self.result = .error(Google.Rpc.Status(ErrorDetails(refusal, field: field).error))
    }
  }
}
