internal import Registry
internal import Telephony

extension ErrorDetails {
  /// What a kind of provider can't do, or not now.
  static func kind(_ error: RegistryError) -> ErrorDetails {
    switch error {
    case .gatewayInUse(let id, let providers, let numbers):
      precondition(
        "GATEWAY_IN_USE", subject: id.description, error.description,
        metadata: [
          "provider_count": String(providers), "phone_number_count": String(numbers),
        ])
    case .notAGateway(let id):
      precondition("NOT_A_GATEWAY", subject: id.description, error.description)
    case .noGateway(let id):
      precondition("NO_GATEWAY", subject: id.description, error.description)
    case .providerUnsuited(let id, let kind):
      precondition(
        "PROVIDER_TYPE_UNSUITED", subject: id.description, error.description,
        metadata: ["type": kind.rawValue])
    default: preconditionFailure("nothing about providers' kinds: \(error)")
    }
  }
}
