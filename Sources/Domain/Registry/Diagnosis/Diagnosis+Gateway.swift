internal import Telephony

// What a LiveKit server says to its key.
extension Diagnosis {
  /// A token lives so long, and the server forgives as much: clocks that differ by more make it
  /// worth nothing.
  static let clockDifferenceMax: Duration = .seconds(60)

  mutating func judgeGateway(_ look: Looked<Bool>) {
    let key = facts.gatewayName
    switch look {
    case .notTried: return
    case .found: return add(.credentialsAccepted, "\(key) was taken.")
    case .failed(let error):
      if error.kind.isRefusedKey, let difference = error.clockDifference,
        difference.magnitude > Self.clockDifferenceMax
      {
        let seconds = difference.components.seconds
        let way = seconds < 0 ? "behind" : "ahead of"
        add(
          .gatewayClockDiffers,
          "The server's clock is \(abs(seconds)) s \(way) ours, and it refused the token: "
            + "\(error.gatewayEvidence)")
      } else {
        add(error.kind.gatewayCode, "\(key): \(error.gatewayEvidence)")
      }
      add(
        .carrierNotExamined, "Trunks and rules can be looked at with good credentials alone.")
    }
  }
}

extension DiagnosisFacts {
  /// The key masked, and of the address the host.
  fileprivate var gatewayName: String {
    guard case .liveKit(let gateway) = provider.configuration else { return "The key" }
    return "The API key \(gateway.maskedAPIKey) at \(WebAddress.host(of: gateway.url))"
  }
}

extension CarrierError {
  /// For evidence: our reason for a gateway, and its words.
  var gatewayEvidence: String {
    message.isEmpty ? kind.gatewayReason : "\(kind.gatewayReason): \(message)"
  }
}

extension CarrierError.Kind {
  fileprivate var isRefusedKey: Bool { self == .credentialsRefused || self == .keyUnknown }

  fileprivate var gatewayCode: DiagnosisCode {
    switch self {
    case .keyUnknown: .gatewayKeyUnknown
    case .credentialsRefused, .testCredentials: .credentialsRefused
    case .keyRestricted, .accountInactive, .notPermitted: .gatewayNotPermitted
    case .limited, .unavailable: .gatewayUnreachable
    case .notFound, .invalidRequest, .conflict, .notForSale, .papersMissing, .purchaseRefused,
      .unreadableAnswer:
      .gatewayNotLiveKit
    }
  }
}

extension Duration {
  fileprivate var magnitude: Duration { self < .zero ? .zero - self : self }
}
