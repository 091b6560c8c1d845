internal import API
internal import CallDispatch
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
    agentID = call.agent?.description ?? ""
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

  /// What a filter means; nil takes every state.
  func filter(field: String) throws(RequestError) -> CallState? {
    switch self {
    case .unspecified: return nil
    case .queued: return .queued
    case .dialing: return .dialing
    case .ringing: return .ringing
    case .inProgress: return .inProgress
    case .completed: return .completed
    case .busy: return .busy
    case .noAnswer: return .noAnswer
    case .failed: return .failed
    case .canceled: return .canceled
    case .unrecognized(let value):
      throw .unknownValue(field: field, value: value, known: "STATE_QUEUED to STATE_CANCELED")
    }
  }
}

extension Trunkline.V1.Call.Direction {
  /// What a filter means; nil takes both.
  func filter(field: String) throws(RequestError) -> CallDirection? {
    switch self {
    case .unspecified: return nil
    case .inbound: return .inbound
    case .outbound: return .outbound
    case .unrecognized(let value):
      throw .unknownValue(
        field: field, value: value, known: "DIRECTION_INBOUND, DIRECTION_OUTBOUND")
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
