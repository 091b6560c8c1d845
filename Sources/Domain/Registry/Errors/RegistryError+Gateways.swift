internal import Telephony

// What is said of LiveKit servers, SIP trunks and what they can't do.

extension CarrierError.Kind {
  /// What a SIP gateway's failure is called, UPPER_SNAKE, for programs.
  package var gatewayReason: String {
    switch self {
    case .keyUnknown: "GATEWAY_KEY_UNKNOWN"
    case .credentialsRefused, .testCredentials: "GATEWAY_SECRET_WRONG"
    case .keyRestricted, .accountInactive, .notPermitted: "GATEWAY_NOT_PERMITTED"
    case .notFound: "GATEWAY_NOT_FOUND"
    case .invalidRequest, .notForSale, .papersMissing, .purchaseRefused:
      "GATEWAY_INVALID_REQUEST"
    case .conflict: "GATEWAY_CONFLICT"
    case .limited: "GATEWAY_LIMITED"
    case .unavailable: "GATEWAY_UNREACHABLE"
    case .unreadableAnswer: "GATEWAY_NOT_LIVEKIT"
    }
  }
}

extension CarrierFailure {
  /// Cause and remedy of a SIP gateway's failure.
  package var gatewayDescription: String {
    let code = code.map { " (status \($0))" } ?? ""
    let cause =
      switch kind {
      case .keyUnknown:
        "The LiveKit server has no such API key\(code). Check api_key and url: a key is good at "
          + "its own project or server only."
      case .credentialsRefused, .testCredentials:
        "The LiveKit server has the API key and refuses its signature\(code). Check api_secret."
      case .keyRestricted, .accountInactive, .notPermitted:
        "The API key may not see and change SIP trunks\(code). Give it the grant sip.admin."
      case .notFound: "The LiveKit server has nothing of that name\(code)."
      case .invalidRequest, .notForSale, .papersMissing, .purchaseRefused:
        "The LiveKit server refused what was sent\(code)."
      case .conflict:
        "Another trunk or rule at the LiveKit server takes the same calls\(code). Remove it there, "
          + "then repeat."
      case .limited:
        "The LiveKit server takes no more requests now\(code). Repeat the request in a while."
      case .unavailable:
        "The LiveKit server can't be reached\(code). Check url, and that it is up; then repeat."
      case .unreadableAnswer:
        "What answers at the url is no LiveKit server with its SIP service\(code). Check url."
      }
    return message.isEmpty ? cause : "\(cause) It said: \(message)"
  }
}

extension RegistryError {
  static func unsuited(_ error: RegistryError) -> String {
    switch error {
    case .gatewayInUse(let id, let providers, let numbers):
      "\(providers) SIP trunks and \(numbers) phone numbers name \(id) as their gateway. Give them "
        + "another, or delete them, first."
    case .notAGateway(let id):
      "\(id) is no provider of type livekit, so that it can be no gateway. Link the LiveKit server "
        + "first, and name that provider."
    case .noGateway(let id):
      "The SIP trunk of \(id) names no gateway. Give its provider a gateway_provider_id first."
    case .providerUnsuited(let id, let kind):
      "\(id) is a provider of type \(kind.rawValue), which can't do this: it has no account at a "
        + "carrier that could be asked. Name a provider of type twilio."
    default: preconditionFailure("nothing about providers' kinds: \(error)")
    }
  }
}
