package import Access
package import Telephony

/// What PlaceCalls takes; identifiers are parsed already.
package struct PlaceRequest: Sendable, Hashable {
  package struct Destination: Sendable, Hashable {
    /// As the client wrote it.
    package var to: String
    package var metadata: [String: String]

    package init(to: String, metadata: [String: String] = [:]) {
      self.to = to
      self.metadata = metadata
    }
  }

  /// Until when the answer waits.
  package enum WaitFor: Sendable, Hashable {
    /// Until the calls are written down.
    case queued
    /// Until the carrier took or refused each, or its outcome is lost; `Limits.acceptanceWaitMax`
    /// at most.
    case carrierAccepted
  }

  /// On whose behalf.
  package var caller: Caller
  /// Nil: each such request is a new one.
  package var requestID: String?
  package var from: PhoneNumberID
  package var destinations: [Destination]
  /// Nil: the number's assignee.
  package var agent: AgentID?
  package var ringingTimeoutSeconds: Int?
  package var timeLimitSeconds: Int?
  package var waitFor: WaitFor

  package init(
    caller: Caller, requestID: String? = nil, from: PhoneNumberID, destinations: [Destination],
    agent: AgentID? = nil, ringingTimeoutSeconds: Int? = nil, timeLimitSeconds: Int? = nil,
    waitFor: WaitFor = .queued
  ) {
    self.caller = caller
    self.requestID = requestID
    self.from = from
    self.destinations = destinations
    self.agent = agent
    self.ringingTimeoutSeconds = ringingTimeoutSeconds
    self.timeLimitSeconds = timeLimitSeconds
    self.waitFor = waitFor
  }

  /// Whose calls they are.
  package var tenant: TenantID { caller.tenant }

  /// Of everything that says what is dialled; how long to wait is not part of it.
  var fingerprint: Fingerprint {
    var fingerprint = Fingerprint()
    fingerprint.combine(from.description)
    fingerprint.combine(agent?.description)
    fingerprint.combine(ringingTimeoutSeconds ?? -1)
    fingerprint.combine(timeLimitSeconds ?? -1)
    fingerprint.combine(destinations.count)
    for destination in destinations {
      fingerprint.combine(destination.to)
      fingerprint.combine(destination.metadata.count)
      for (key, value) in destination.metadata.sorted(by: { $0.key < $1.key }) {
        fingerprint.combine(key)
        fingerprint.combine(value)
      }
    }
    return fingerprint
  }

  /// What is wrong with the request as a whole, whatever the state of the world.
  var violations: [DispatchError.Violation] {
    var found: [DispatchError.Violation] = []
    if let requestID {
      let isPrintable = requestID.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
      if requestID.isEmpty || requestID.utf8.count > Limits.requestIDLengthMax || !isPrintable {
        found.append(
          .init(
            "request_id", "It must be 1 to \(Limits.requestIDLengthMax) printable ASCII characters."
          ))
      }
    }
    let count = destinations.count
    if count == 0 || count > Limits.destinationsMax {
      found.append(
        .init("outbound_calls", "There are \(count); 1 to \(Limits.destinationsMax) are allowed."))
    }
    if let seconds = ringingTimeoutSeconds, !Limits.ringingTimeoutSeconds.contains(seconds) {
      found.append(.init("ringing_timeout", "It is \(seconds) s; 5 s to 600 s are allowed."))
    }
    if let seconds = timeLimitSeconds, !Limits.timeLimitSeconds.contains(seconds) {
      found.append(.init("time_limit", "It is \(seconds) s; 1 s to 86400 s are allowed."))
    }
    for (index, destination) in destinations.prefix(Limits.destinationsMax).enumerated() {
      if let message = Self.fault(inMetadata: destination.metadata) {
        found.append(.init("outbound_calls[\(index)].metadata", message))
      }
    }
    return found
  }

  private static func fault(inMetadata metadata: [String: String]) -> String? {
    if metadata.count > Limits.metadataCountMax {
      return "It has \(metadata.count) entries; the most is \(Limits.metadataCountMax)."
    }
    for (key, value) in metadata {
      if key.isEmpty || key.utf8.count > Limits.metadataKeyLengthMax {
        return "A key has \(key.utf8.count) bytes; 1 to \(Limits.metadataKeyLengthMax) are allowed."
      }
      let length = value.utf8.count
      if length > Limits.metadataValueLengthMax {
        return "A value has \(length) bytes; the most is \(Limits.metadataValueLengthMax)."
      }
      if !(key + value).unicodeScalars.allSatisfy(isText) {
        return "It holds a control character, which can't be handed to the agent."
      }
    }
    return nil
  }

  /// What XML, which carries it to the carrier, can hold.
  private static func isText(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value >= 0x20 && scalar.value != 0x7f && scalar.value != 0xfffe && scalar.value != 0xffff
  }
}

/// What became of one destination.
package enum PlaceResult: Sendable, Hashable {
  case call(Call)
  case refused(DestinationError)
}
