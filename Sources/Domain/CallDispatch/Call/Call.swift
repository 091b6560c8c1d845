package import Telephony

/// One leg between a number of ours and the outside world: what is stored, and what is shown.
///
/// A value. `CallStateMachine` changes it, `CallStore` keeps it.
package struct Call: Sendable, Hashable {
  /// Says the region, too: a call lives only there.
  package let id: CallID
  package let tenant: TenantID
  package let direction: CallDirection
  package let provider: ProviderID
  package let account: AccountSID
  package let number: PhoneNumberID
  package let from: CallParty
  package let to: CallParty
  package let createTime: Timestamp

  /// The PlaceCalls request that asked for it.
  package var requestID: String?
  /// What answers, or has answered.
  package var agent: AgentID?
  package var metadata: [String: String] = [:]

  package var state: CallState = .queued
  package var endReason: EndReason?
  /// Whether the carrier placed the call is not known; set again to false when it is.
  package var outcomeUnknown = false
  /// Somebody asked for its end, and the carrier has not been told or has not agreed.
  package var hangUpRequested = false
  package var carrierCallID: CarrierCallSID?
  /// The carrier's own error, as in `facts/telephony.md` 4.7.
  package var carrierCode: Int?
  /// The final SIP response, where the carrier told it.
  package var sipCode: Int?
  /// The highest sequence number of a callback that was taken.
  package var callbackSequence: Int?

  /// When the carrier was asked, the far end rang, and so on.
  package var dialTime: Timestamp?
  package var ringTime: Timestamp?
  package var answerTime: Timestamp?
  package var endTime: Timestamp?

  /// The journal of an outbound call's one dial; nil for inbound.
  package var dial: Dial?
  /// What the voice webhook was answered with; a repeat gets the same.
  package var answer: CallAnswer?
  /// What is still to be done at the carrier, and when.
  package var work: PendingWork?

  /// 0 before the first write; the store counts it up. A change names the version it was made from.
  package var version: Int64 = 0
  /// The place of its last write in the order of the writes of its region. Set by the store.
  package var change: Int64 = 0

  package init(
    id: CallID, tenant: TenantID, direction: CallDirection, provider: ProviderID,
    account: AccountSID, number: PhoneNumberID, from: CallParty, to: CallParty,
    createTime: Timestamp
  ) {
    self.id = id
    self.tenant = tenant
    self.direction = direction
    self.provider = provider
    self.account = account
    self.number = number
    self.from = from
    self.to = to
    self.createTime = createTime
  }

  package var region: Region { id.region }

  /// A dial that may have reached the carrier and has no answer. At most one stands per account,
  /// from and to, or a list at the carrier could not tell them apart.
  package var isUnresolved: Bool {
    guard !state.isTerminal, carrierCallID == nil else { return false }
    return dial?.phase == .sending || dial?.phase == .unknown
  }
}

/// The journal of an outbound call's dial. It is written before and after the one POST.
package struct Dial: Sendable, Hashable {
  package enum Phase: String, Sendable, Hashable, CaseIterable {
    /// Committed; provably nothing is at the carrier. May be dialled, after a restart too.
    case intent
    /// The POST may be on its way. After a restart this is an unknown outcome.
    case sending
    /// The answer was lost: it is looked for at the carrier, never dialled again.
    case unknown
    /// A look at the carrier showed a call that must be ours. A callback with another name corrects
    /// it: others may call the same number from the same account.
    case found
    /// The carrier accepted or refused, or the dial was given up before it began.
    case settled
  }

  package var phase: Phase
  /// Whole seconds, within `Limits.ringingTimeoutSeconds`.
  package var ringingTimeoutSeconds: Int
  /// Whole seconds; nil leaves it to the carrier.
  package var timeLimitSeconds: Int?
  /// POSTs that provably did nothing.
  package var refusals: Int = 0
  /// When `sending` was written.
  package var sendTime: Timestamp?

  /// Names the dial's present try: each that is sent has a number of its own, for what lets a call
  /// be dialled again counts it up.
  package var attempt: Int { refusals }

  package init(phase: Phase = .intent, ringingTimeoutSeconds: Int, timeLimitSeconds: Int? = nil) {
    self.phase = phase
    self.ringingTimeoutSeconds = ringingTimeoutSeconds
    self.timeLimitSeconds = timeLimitSeconds
  }
}

/// Something to be done at the carrier for one call; survives a restart with it.
package struct PendingWork: Sendable, Hashable {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Send the POST.
    case dial
    /// Look for a dial whose answer was lost.
    case reconcile
    /// Tell the carrier to end the call.
    case end
    /// Ask the carrier whether an unsigned inbound call is real.
    case verify
    /// Ask the carrier how the call stands, since no callback told.
    case refresh
  }

  package var kind: Kind
  /// Not before this. Whoever takes the work first moves this by `Limits.workLease`. By wall
  /// clocks, which may differ: that two who do the work at once do no harm is seen to by the dial's
  /// journal and by compare-and-set; a wrong clock costs a needless look at the carrier.
  package var due: Timestamp
  /// Fruitless tries so far.
  package var failures: Int

  package init(_ kind: Kind, due: Timestamp, failures: Int = 0) {
    self.kind = kind
    self.due = due
    self.failures = failures
  }
}

/// What the carrier's voice webhook is told to do; knows no TwiML.
package enum CallAnswer: Sendable, Hashable {
  case connect(ConnectionPlan)
  case reject(RejectReason)
  /// To what the number had before us.
  case redirect(url: String, method: RedirectMethod)
  /// Ends a call that is already answered: an outbound one without an agent.
  case hangUp
}

/// How another's webhook is asked.
package enum RedirectMethod: String, Sendable, Hashable, CaseIterable {
  case get = "GET"
  case post = "POST"
}

/// What an inbound caller is to hear.
package enum RejectReason: String, Sendable, Hashable, CaseIterable {
  /// The number is not in service.
  case rejected
  case busy
}

/// How a call reaches its agent.
package enum ConnectionPlan: Sendable, Hashable {
  /// A WebSocket: `wss`, no query; the parameters travel beside it, in order.
  case mediaStream(url: String, parameters: [StreamParameter])
  /// The password stays sealed until the carrier is answered. A stored call has none: it is the
  /// agent's of the moment.
  case sip(uri: String, login: SIPLogin?)
}

extension CallAnswer {
  var withoutPassword: CallAnswer {
    guard case .connect(.sip(let uri, var login?)) = self else { return self }
    login.password = nil
    return .connect(.sip(uri: uri, login: login))
  }

  /// With the password that `agent` has for the same address and user name.
  func withPassword(of agent: AgentRoute?) -> CallAnswer {
    guard case .connect(.sip(let uri, var login?)) = self, login.password == nil else {
      return self
    }
    for connection in agent?.connections ?? [] {
      if case .sip(uri, let known?) = connection.target, known.username == login.username {
        login.password = known.password
        break
      }
    }
    return .connect(.sip(uri: uri, login: login))
  }
}

/// A name and a value that an agent's media stream gets at its start.
package struct StreamParameter: Sendable, Hashable {
  package let name: String
  package let value: String

  package init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}
