internal import GRPC
internal import Registry
internal import Telephony

extension ErrorDetails {
  /// What the carrier refused or could not do, by the table of `facts/telephony.md`, 4.7.
  static func carrier(_ failure: CarrierFailure) -> ErrorDetails {
    var metadata: [String: String] = [:]
    if let code = failure.code { metadata["carrier_code"] = String(code) }
    let said = failure.message.isEmpty ? "" : " It said: \(failure.message)"
    let text = failure.kind.sentence + said
    switch failure.kind {
    case .credentialsRefused, .keyUnknown, .testCredentials, .keyRestricted, .accountInactive,
      .notPermitted, .notFound, .conflict, .notForSale, .papersMissing, .purchaseRefused:
      return precondition(
        failure.kind.reason, subject: "carrier", text, metadata: metadata)
    case .invalidRequest:
      return ErrorDetails(.invalidArgument, failure.kind.reason, text, metadata: metadata)
    case .limited:
      return ErrorDetails(.resourceExhausted, failure.kind.reason, text, metadata: metadata)
        .retry(after: failure.retryAfter)
    case .unavailable, .unreadableAnswer:
      return ErrorDetails(.unavailable, failure.kind.reason, text, metadata: metadata)
        .retry(after: failure.retryAfter)
    }
  }

  /// What a LiveKit server refused or could not do.
  static func gateway(_ failure: CarrierFailure) -> ErrorDetails {
    let reason = failure.kind.gatewayReason
    let text = failure.gatewayDescription
    switch failure.kind {
    case .credentialsRefused, .keyUnknown, .testCredentials, .keyRestricted, .accountInactive,
      .notPermitted, .notFound, .conflict, .invalidRequest, .notForSale, .papersMissing,
      .purchaseRefused, .unreadableAnswer:
      return precondition(reason, subject: "livekit", text)
    case .limited:
      return ErrorDetails(.resourceExhausted, reason, text).retry(after: failure.retryAfter)
    case .unavailable:
      return ErrorDetails(.unavailable, reason, text).retry(after: failure.retryAfter)
    }
  }

  /// A set-up at the carrier that was undone, or could not be.
  static func provisioning(
    _ subject: OperationSubject, _ failure: ProvisioningFailure, _ leftovers: [Leftover],
    of kind: ProvisioningKind = .importNumber
  ) -> ErrorDetails {
    let (field, id) =
      switch subject {
      case .number(let id): ("phone_number_id", id.description)
      case .provider(let id), .credential(let id), .batch(let id, _):
        ("provider_id", id.description)
      }
    var metadata = [field: id, "cause": failure.cause.rawValue]
    if let code = failure.carrierCode { metadata["carrier_code"] = String(code) }
    let cause = failure.message.isEmpty ? "" : " The carrier said: \(failure.message)"
    let reason = failure.cause.reason
    guard leftovers.isEmpty else {
      // A number that is moved or repaired works all the same.
      let works = kind == .moveNumber || kind == .repairNumber
      return precondition(
        works ? "LEFT_AT_CARRIER" : "PHONE_NUMBER_CORRUPTED", subject: id,
        "The carrier's settings of number \(id) could not all be put back; it lists what is left. "
          + "Repair it to try anew." + cause,
        metadata: metadata)
    }
    switch failure.cause {
    case .unavailable, .unreadableAnswer:
      return ErrorDetails(
        .unavailable, reason,
        "The carrier did not answer; nothing is left there. Repeat later." + cause,
        metadata: metadata
      ).retry(after: nil)
    case .limited:
      return ErrorDetails(
        .resourceExhausted, reason,
        "The carrier had no room for the request; nothing is left there." + cause,
        metadata: metadata
      ).retry(after: nil)
    case .cancelled:
      return ErrorDetails(
        .cancelled, reason, "It was cancelled; nothing of it is left at the carrier.",
        metadata: metadata)
    case .credentialsRefused, .testCredentials, .keyRestricted, .accountInactive, .notPermitted,
      .notFound, .invalidRequest, .conflict, .notForSale, .papersMissing, .purchaseRefused,
      .overwritten, .unsuitable, .refused:
      let what =
        switch subject {
        case .number: "The number could not be set up at the carrier; nothing is left there."
        case .provider, .credential, .batch: "The carrier refused; nothing was changed there."
        }
      return precondition(reason, subject: id, what + cause, metadata: metadata)
    }
  }
}

extension CarrierError.Kind {
  /// Cause and remedy.
  var sentence: String {
    switch self {
    case .credentialsRefused:
      "The carrier refused the credentials. Check the key, its secret and its region: a key is "
        + "valid in one region only."
    case .keyUnknown: "The carrier has no such API key. Check it."
    case .testCredentials:
      "These are the carrier's test credentials, which reach no number. Use an API key or the Auth "
        + "Token of the live account."
    case .keyRestricted:
      "The API key is restricted and lacks a permission for this. Give it those for phone numbers, "
        + "routes and calls, to read and to write, or use a standard key."
    case .accountInactive: "The carrier's account is suspended or closed. Ask the carrier."
    case .notPermitted: "The carrier does not permit this with these credentials."
    case .notFound: "The carrier has no such thing in this account and region."
    case .invalidRequest: "The carrier refused the values that were sent."
    case .conflict: "The carrier refused because of the state of the thing."
    case .notForSale:
      "The carrier does not sell this number, or none that fits. Search again."
    case .papersMissing:
      "The carrier wants an address or papers of the buyer. Register them with the carrier, and "
        + "give address_sid or bundle_sid."
    case .purchaseRefused: "The carrier's account may not buy numbers. Ask the carrier."
    case .limited: "The carrier takes no more requests now; nothing was done. Repeat later."
    case .unavailable: "The carrier can't be reached. Repeat later."
    case .unreadableAnswer: "The carrier's answer can't be read. Repeat later."
    }
  }
}
