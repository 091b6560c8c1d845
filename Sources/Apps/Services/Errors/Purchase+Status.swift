internal import GRPC
internal import Registry
internal import Telephony

extension ErrorDetails {
  /// Why a purchase or a release failed, and what the number is now.
  static func trade(
    _ operation: Registry.Operation, _ failure: ProvisioningFailure
  ) -> ErrorDetails {
    let id = operation.subject.description
    var metadata = ["phone_number_id": id, "cause": failure.cause.rawValue]
    if let code = failure.carrierCode { metadata["carrier_code"] = String(code) }
    let cause = failure.message.isEmpty ? "" : " The carrier said: \(failure.message)"
    let purchase = operation.steps.first { $0.kind == .purchase }?.state
    let (reason, text): (String, String) =
      switch (operation.kind, purchase) {
      case (.provisionNumber, .done):
        (
          "PURCHASED_NOT_CONFIGURED",
          "Number \(id) was bought and stays, but it could not be set up. Repair it."
        )
      case (.provisionNumber, .left):
        (
          "PURCHASE_UNKNOWN",
          "Whether number \(id) was bought is not known: the carrier could not be asked. Repair "
            + "it, which asks again."
        )
      case (.provisionNumber, _):
        (failure.cause.reason, "Nothing was bought. " + failure.cause.tradeSentence)
      default:
        (
          failure.cause.reason,
          "Number \(id) could not be given up. Release it again, or repair it."
        )
      }
    switch failure.cause {
    case .unavailable, .unreadableAnswer:
      return ErrorDetails(.unavailable, reason, text + cause, metadata: metadata)
        .retry(after: nil)
    case .limited:
      return ErrorDetails(.resourceExhausted, reason, text + cause, metadata: metadata)
        .retry(after: nil)
    case .credentialsRefused, .testCredentials, .keyRestricted, .accountInactive, .notPermitted,
      .notFound, .invalidRequest, .conflict, .notForSale, .papersMissing, .purchaseRefused,
      .overwritten, .unsuitable, .cancelled, .refused:
      return precondition(reason, subject: id, text + cause, metadata: metadata)
    }
  }
}

extension ProvisioningFailure.Cause {
  /// What the carrier had against a purchase, and the remedy.
  fileprivate var tradeSentence: String {
    switch self {
    case .notForSale: CarrierError.Kind.notForSale.sentence
    case .papersMissing: CarrierError.Kind.papersMissing.sentence
    case .purchaseRefused: CarrierError.Kind.purchaseRefused.sentence
    case .credentialsRefused: CarrierError.Kind.credentialsRefused.sentence
    case .testCredentials: CarrierError.Kind.testCredentials.sentence
    case .keyRestricted: CarrierError.Kind.keyRestricted.sentence
    case .accountInactive: CarrierError.Kind.accountInactive.sentence
    case .limited: CarrierError.Kind.limited.sentence
    case .unavailable, .unreadableAnswer:
      "To try again, send a request with another request_id."
    case .notPermitted, .notFound, .invalidRequest, .conflict, .overwritten, .unsuitable,
      .cancelled, .refused:
      "The carrier refused."
    }
  }
}
