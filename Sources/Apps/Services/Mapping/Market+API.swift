internal import API
internal import Registry
internal import Telephony

// Buying and giving up: requests in the domain's words, and what is for sale in the contract's.

extension NumberCriteria {
  fileprivate init(_ criteria: Trunkline.V1.ProvisionPhoneNumberRequest.Criteria) {
    self.init(
      country: criteria.country, kind: criteria.type.choice, areaCode: criteria.areaCode,
      contains: criteria.contains)
  }
}

extension SearchAvailablePhoneNumbers {
  init(_ request: Trunkline.V1.SearchAvailablePhoneNumbersRequest) {
    self.init(
      providerID: request.providerID,
      criteria: NumberCriteria(
        country: request.country, kind: request.type.choice, areaCode: request.areaCode,
        contains: request.contains),
      limit: Int(request.limit))
  }
}

extension ProvisionPhoneNumber {
  init(_ request: Trunkline.V1.ProvisionPhoneNumberRequest) {
    let choice: Choice =
      switch request.choice {
      case .e164(let number): .number(number)
      case .criteria(let criteria): .any(NumberCriteria(criteria))
      case nil: .unset
      }
    self.init(
      providerID: request.providerID, choice: choice, label: request.label,
      supportsInbound: request.supportsInbound, supportsOutbound: request.supportsOutbound,
      labels: request.labels, agentID: request.agentID, addressSID: request.addressSID,
      bundleSID: request.bundleSID, isConfirmed: request.confirmPurchase,
      requestID: request.requestID, validateOnly: request.validateOnly)
  }
}

extension ReleasePhoneNumber {
  init(_ request: Trunkline.V1.ReleasePhoneNumberRequest) {
    self.init(
      id: request.id, etag: request.etag, isConfirmed: request.confirmRelease,
      requestID: request.requestID)
  }
}

extension Trunkline.V1.PhoneNumberType {
  fileprivate init(_ kind: MarketNumberKind) {
    switch kind {
    case .local: self = .local
    case .mobile: self = .mobile
    case .tollFree: self = .tollFree
    }
  }

  /// What a search means.
  fileprivate var choice: Choice<MarketNumberKind> {
    switch self {
    case .unspecified: .unset
    case .local: .value(.local)
    case .mobile: .value(.mobile)
    case .tollFree: .value(.tollFree)
    case .unrecognized: .unknown
    }
  }
}

extension Trunkline.V1.AvailablePhoneNumber {
  init(_ number: MarketNumber) {
    self.init()
    e164 = number.e164.text
    country = number.country
    type = Trunkline.V1.PhoneNumberType(number.kind)
    locality = number.locality
    administrativeArea = number.area
    switch number.addressRequirement {
    case nil: addressRequirement = .unspecified
    case .some(.none): addressRequirement = .none
    case .any: addressRequirement = .any
    case .local: addressRequirement = .local
    case .foreign: addressRequirement = .foreign
    }
  }
}
