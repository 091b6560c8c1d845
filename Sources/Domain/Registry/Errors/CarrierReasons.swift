// What carriers' failures are called in error details and conditions; the contract lists the names.

extension CarrierError.Kind {
  /// UPPER_SNAKE, for programs.
  package var reason: String {
    switch self {
    case .credentialsRefused: "CARRIER_REFUSED_CREDENTIALS"
    case .keyUnknown: "CARRIER_KEY_UNKNOWN"
    case .testCredentials: "CARRIER_TEST_CREDENTIALS"
    case .keyRestricted: "CARRIER_KEY_RESTRICTED"
    case .accountInactive: "CARRIER_ACCOUNT_INACTIVE"
    case .notPermitted: "CARRIER_NOT_PERMITTED"
    case .notFound: "CARRIER_NOT_FOUND"
    case .invalidRequest: "CARRIER_INVALID_REQUEST"
    case .conflict: "CARRIER_CONFLICT"
    case .notForSale: "CARRIER_NUMBER_NOT_FOR_SALE"
    case .papersMissing: "CARRIER_PAPERS_MISSING"
    case .purchaseRefused: "CARRIER_PURCHASE_REFUSED"
    case .limited: "CARRIER_LIMITED"
    case .unavailable: "CARRIER_UNAVAILABLE"
    case .unreadableAnswer: "CARRIER_ANSWER_UNREADABLE"
    }
  }
}

extension ProvisioningFailure.Cause {
  /// UPPER_SNAKE, for programs.
  package var reason: String {
    switch self {
    case .credentialsRefused: CarrierError.Kind.credentialsRefused.reason
    case .testCredentials: CarrierError.Kind.testCredentials.reason
    case .keyRestricted: CarrierError.Kind.keyRestricted.reason
    case .accountInactive: CarrierError.Kind.accountInactive.reason
    case .notPermitted: CarrierError.Kind.notPermitted.reason
    case .notFound: CarrierError.Kind.notFound.reason
    case .invalidRequest: CarrierError.Kind.invalidRequest.reason
    case .conflict: CarrierError.Kind.conflict.reason
    case .notForSale: CarrierError.Kind.notForSale.reason
    case .papersMissing: CarrierError.Kind.papersMissing.reason
    case .purchaseRefused: CarrierError.Kind.purchaseRefused.reason
    case .limited: CarrierError.Kind.limited.reason
    case .unavailable: CarrierError.Kind.unavailable.reason
    case .unreadableAnswer: CarrierError.Kind.unreadableAnswer.reason
    case .overwritten: "CARRIER_SETTINGS_OVERWRITTEN"
    case .unsuitable: "CARRIER_NUMBER_UNSUITABLE"
    case .cancelled: "OPERATION_CANCELLED"
    case .refused: "REFUSED"
    }
  }
}
