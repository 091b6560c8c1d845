internal import CallDispatch
internal import Telephony

/// A call as its JSON document: the stored names, which a rename in the domain does not touch.
struct CallDocument: Codable {
  var id: CallID
  var tenant: TenantID
  var direction: String
  var provider: ProviderID
  var account: AccountSID
  var number: PhoneNumberID
  var from: String
  var to: String
  var createTime: Timestamp
  var requestID: String?
  var agent: AgentID?
  var metadata: [String: String]
  var state: String
  var endReason: String?
  var outcomeUnknown: Bool
  var hangUpRequested: Bool
  var carrierCallID: CarrierCallSID?
  var carrierCode: Int?
  var sipCode: Int?
  var callbackSequence: Int?
  var dialTime: Timestamp?
  var ringTime: Timestamp?
  var answerTime: Timestamp?
  var endTime: Timestamp?
  var dial: DialDocument?
  var answer: AnswerDocument?
  var work: WorkDocument?

  struct DialDocument: Codable {
    var phase: String
    var ringingTimeoutSeconds: Int
    var timeLimitSeconds: Int?
    var refusals: Int
    var sendTime: Timestamp?
  }

  struct WorkDocument: Codable {
    var kind: String
    var due: Timestamp
    var failures: Int
  }

  struct AnswerDocument: Codable {
    enum Kind: String, Codable {
      case mediaStream, sip, reject, redirect, hangUp
    }

    var kind: Kind
    var url: String?
    var method: String?
    var reason: String?
    var username: String?
    var password: SealedDocument?
    var parameters: [ParameterDocument]?
  }

  struct SealedDocument: Codable {
    var keyName: String
    var bytes: [UInt8]
    var associatedData: [UInt8]

    init(_ sealed: SealedBytes) {
      keyName = sealed.keyName
      bytes = sealed.bytes
      associatedData = sealed.associatedData
    }

    var value: SealedBytes {
      SealedBytes(keyName: keyName, bytes: bytes, associatedData: associatedData)
    }
  }

  struct ParameterDocument: Codable {
    var name: String
    var value: String
  }
}

extension CallDocument {
  init(_ call: Call) {
    id = call.id
    tenant = call.tenant
    direction = call.direction.rawValue
    provider = call.provider
    account = call.account
    number = call.number
    from = call.from.text
    to = call.to.text
    createTime = call.createTime
    requestID = call.requestID
    agent = call.agent
    metadata = call.metadata
    state = call.state.rawValue
    endReason = call.endReason?.rawValue
    outcomeUnknown = call.outcomeUnknown
    hangUpRequested = call.hangUpRequested
    carrierCallID = call.carrierCallID
    carrierCode = call.carrierCode
    sipCode = call.sipCode
    callbackSequence = call.callbackSequence
    dialTime = call.dialTime
    ringTime = call.ringTime
    answerTime = call.answerTime
    endTime = call.endTime
    dial = call.dial.map(DialDocument.init)
    answer = call.answer.map(AnswerDocument.init)
    work = call.work.map {
      WorkDocument(kind: $0.kind.rawValue, due: $0.due, failures: $0.failures)
    }
  }

  /// The call; nil when a word in it is none that this program knows.
  func call(version: Int64, change: Int64) -> Call? {
    guard let direction = CallDirection(rawValue: direction), let state = CallState(rawValue: state)
    else { return nil }
    var call = Call(
      id: id, tenant: tenant, direction: direction, provider: provider, account: account,
      number: number, from: CallParty(from), to: CallParty(to), createTime: createTime)
    call.requestID = requestID
    call.agent = agent
    call.metadata = metadata
    call.state = state
    if let endReason {
      guard let reason = EndReason(rawValue: endReason) else { return nil }
      call.endReason = reason
    }
    call.outcomeUnknown = outcomeUnknown
    call.hangUpRequested = hangUpRequested
    call.carrierCallID = carrierCallID
    call.carrierCode = carrierCode
    call.sipCode = sipCode
    call.callbackSequence = callbackSequence
    call.dialTime = dialTime
    call.ringTime = ringTime
    call.answerTime = answerTime
    call.endTime = endTime
    if let dial {
      guard let value = dial.value else { return nil }
      call.dial = value
    }
    if let answer {
      guard let value = answer.value else { return nil }
      call.answer = value
    }
    if let work {
      guard let kind = PendingWork.Kind(rawValue: work.kind) else { return nil }
      call.work = PendingWork(kind, due: work.due, failures: work.failures)
    }
    call.version = version
    call.change = change
    return call
  }
}

extension CallDocument.DialDocument {
  init(_ dial: Dial) {
    phase = dial.phase.rawValue
    ringingTimeoutSeconds = dial.ringingTimeoutSeconds
    timeLimitSeconds = dial.timeLimitSeconds
    refusals = dial.refusals
    sendTime = dial.sendTime
  }

  var value: Dial? {
    guard let phase = Dial.Phase(rawValue: phase) else { return nil }
    var dial = Dial(
      phase: phase, ringingTimeoutSeconds: ringingTimeoutSeconds,
      timeLimitSeconds: timeLimitSeconds)
    dial.refusals = refusals
    dial.sendTime = sendTime
    return dial
  }
}

extension CallDocument.AnswerDocument {
  init(_ answer: CallAnswer) {
    switch answer {
    case .connect(.mediaStream(let url, let parameters)):
      self.init(
        kind: .mediaStream, url: url,
        parameters: parameters.map { .init(name: $0.name, value: $0.value) })
    case .connect(.sip(let uri, let login)):
      self.init(
        kind: .sip, url: uri, username: login?.username,
        password: login?.password.map { .init($0) })
    case .reject(let reason): self.init(kind: .reject, reason: reason.rawValue)
    case .redirect(let url, let method):
      self.init(kind: .redirect, url: url, method: method.rawValue)
    case .hangUp: self.init(kind: .hangUp)
    }
  }

  var value: CallAnswer? {
    switch kind {
    case .mediaStream:
      guard let url else { return nil }
      let parameters = (parameters ?? []).map { StreamParameter(name: $0.name, value: $0.value) }
      return .connect(.mediaStream(url: url, parameters: parameters))
    case .sip:
      let login = username.map { SIPLogin(username: $0, password: password?.value) }
      return url.map { .connect(.sip(uri: $0, login: login)) }
    case .reject: return reason.flatMap(RejectReason.init(rawValue:)).map { .reject($0) }
    case .redirect:
      guard let url, let method = method.flatMap(RedirectMethod.init(rawValue:)) else { return nil }
      return .redirect(url: url, method: method)
    case .hangUp: return .hangUp
    }
  }
}
