internal import API
internal import WellKnown

/// Calls as text for people.
enum CallText {
  static func table(_ calls: [V1.Call]) -> String {
    var table = Table(["ID", "DIRECTION", "FROM", "TO", "STATE", "END", "ASSIGNEE", "CREATED"])
    for call in calls {
      table.append([
        call.id, direction(call), call.from, call.to, state(call), endReason(call),
        call.agentID + call.softphoneID, call.createTime?.text ?? "",
      ])
    }
    return table.text
  }

  /// One change on one line.
  static func line(_ call: V1.Call) -> String {
    let words = [call.id, direction(call), call.from, "→", call.to, state(call), endReason(call)]
    return words.filter { !$0.isEmpty }.map(Table.printable).joined(separator: " ") + "\n"
  }

  static func record(_ call: V1.Call?) -> String {
    guard let call else { return "" }
    var record = Record()
    record.append("id", call.id)
    record.append("direction", direction(call))
    record.append("from", call.from)
    record.append("to", call.to)
    record.append("state", state(call))
    record.append("end reason", endReason(call))
    record.append("SIP status", call.sipCode.map(String.init) ?? "")
    record.append("carrier's code", call.carrierCode.map(String.init) ?? "")
    record.append("agent", call.agentID)
    record.append("softphone", call.softphoneID)
    record.append("number", call.phoneNumberID)
    record.append("provider", call.providerID)
    record.append("region", call.region.text)
    record.append("account", call.accountSID)
    record.append("carrier's call", call.carrierCallID)
    record.append("request id", call.requestID)
    record.append("metadata", pairs(call.metadata))
    record.append("created", call.createTime?.text ?? "")
    record.append("dialled", call.dialTime?.text ?? "")
    record.append("ringing", call.ringTime?.text ?? "")
    record.append("answered", call.answerTime?.text ?? "")
    record.append("ended", call.endTime?.text ?? "")
    return record.text
  }

  private static func direction(_ call: V1.Call) -> String {
    shortName(call.direction, prefix: "DIRECTION_")
  }

  private static func state(_ call: V1.Call) -> String {
    let state = shortName(call.state, prefix: "STATE_")
    return call.outcomeUnknown ? "\(state) (outcome unknown)" : state
  }

  private static func endReason(_ call: V1.Call) -> String {
    shortName(call.endReason, prefix: "END_REASON_")
  }
}

extension V1.Call {
  /// Whether it will never change again.
  var isOver: Bool {
    switch state {
    case .unspecified, .queued, .dialing, .ringing, .inProgress, .unrecognized: false
    case .completed, .busy, .noAnswer, .failed, .canceled: true
    }
  }
}
