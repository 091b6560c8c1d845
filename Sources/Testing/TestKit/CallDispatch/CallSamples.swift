package import Access
package import CallDispatch
package import Telephony

/// Calls, identifiers and requests for checks and tests.
package enum CallSamples {
  package static let tenant = TenantID(bits: 1)
  package static let otherTenant = TenantID(bits: 2)
  package static let account = AccountSID(bits: 3)
  package static let provider = ProviderID(bits: 4)
  package static let number = PhoneNumberID(bits: 5)
  package static let epoch = Timestamp(milliseconds: 1_700_000_000_000)

  package static func time(_ seconds: Int) -> Timestamp {
    epoch.advanced(by: .seconds(seconds))
  }

  /// An outbound call to the `to`-th destination; its id grows with `index`.
  package static func outbound(
    _ index: UInt64, to: Int = 1, tenant: TenantID = tenant, region: Region = .us1
  ) -> Call {
    var call = Call(
      id: CallID(region: region, bits: UInt128(index)), tenant: tenant, direction: .outbound,
      provider: provider, account: account, number: number, from: CallParty("+15005550006"),
      to: CallParty("+1415555\(1000 + to)"), createTime: time(0))
    call.dial = Dial(ringingTimeoutSeconds: 60)
    call.work = PendingWork(.dial, due: time(0))
    return call
  }

  package static func inbound(_ index: UInt64, carrierCall: UInt64) -> Call {
    var call = Call(
      id: CallID(region: .ie1, bits: UInt128(index)), tenant: tenant, direction: .inbound,
      provider: provider, account: account, number: number, from: CallParty("anonymous"),
      to: CallParty("+15005550006"), createTime: time(0))
    call.state = .ringing
    call.carrierCallID = carrierCallID(carrierCall)
    return call
  }

  /// A call with something in every field, to see what a store loses.
  package static func full(_ index: UInt64) -> Call {
    var call = outbound(index, to: 77)
    call.requestID = "request-\(index)"
    call.agent = try? AgentID("agent-\(index)")
    call.metadata = ["a key": "a \"value\" with ünï©ode", "empty": ""]
    call.state = .failed
    call.endReason = .outcomeUnknown
    call.outcomeUnknown = true
    call.hangUpRequested = true
    call.carrierCallID = carrierCallID(index)
    call.carrierCode = 21_215
    call.sipCode = 603
    call.callbackSequence = 3
    call.dialTime = time(1)
    call.ringTime = time(2)
    call.answerTime = time(3)
    call.endTime = Timestamp(microseconds: time(4).microseconds + 1)
    call.dial?.phase = .found
    call.dial?.timeLimitSeconds = 120
    call.dial?.refusals = 2
    call.dial?.sendTime = time(1)
    call.work = PendingWork(.end, due: time(9), failures: 4)
    return call
  }

  /// Every kind of answer.
  package static let answers: [CallAnswer] = [
    .connect(
      .mediaStream(
        url: "wss://agent.example.com/s",
        parameters: [
          StreamParameter(name: "b", value: "2"), StreamParameter(name: "a", value: ""),
        ])),
    .connect(.sip(uri: "sip:agent@example.com", login: nil)),
    .connect(
      .sip(uri: "sip:agent@example.com", login: SIPLogin(username: "trunkline", password: nil))),
    .connect(
      .sip(
        uri: "sips:agent@example.com",
        login: SIPLogin(
          username: "trunkline",
          password: SealedBytes(
            keyName: "key-1", bytes: [0, 255, 7], associatedData: [9])))),
    .reject(.busy), .reject(.rejected),
    .redirect(url: "https://former.example.com/voice?a=1", method: .get),
    .redirect(url: "https://former.example.com/voice", method: .post), .hangUp,
  ]

  package static func carrierCallID(_ index: UInt64) -> CarrierCallSID {
    CarrierCallSID(bits: UInt128(index))
  }

  package static func request(
    _ id: String, calls: [Call], at seconds: Int = 0, tenant: TenantID = tenant
  ) -> PlacedRequest {
    PlacedRequest(
      tenant: tenant, requestID: id, fingerprint: Fingerprint(bits: ~0),
      outcomes: [.refused(.emergency)] + calls.map { .call($0.id) } + [.refused(.repeated)],
      createTime: time(seconds))
  }

  /// What the log is told of a call; the id grows with `number`.
  package static func audit(
    _ number: Int, of call: Call, action: AuditAction = .place
  ) -> AuditEntry {
    AuditEntry(
      id: AuditEntryID(bits: UInt128(number)), time: time(number), caller: .of(call.tenant),
      action: action, resource: AuditResource(.call, call.id.description),
      changes: [AuditChange("to", old: "", new: call.to.text)])
  }
}

extension CallStateMachine {
  /// The dial's present try; 0 where there is none.
  package var attempt: Int { call.dial?.attempt ?? 0 }
}
