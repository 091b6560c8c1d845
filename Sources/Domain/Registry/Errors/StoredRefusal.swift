package import Telephony

/// Why a use case refused, as a journal entry keeps it for those who ask later.
package enum StoredRefusal: Sendable, Hashable, Codable {
  case providerNotFound(ProviderID)
  case agentNotFound(AgentID)
  case numberNotFound(PhoneNumberID)
  case numberExists(PhoneNumberID)
  case numberInOtherRegion(PhoneNumberID, Region)
  case numberClaimed
  case numberNotAtCarrier(ProviderID?)
  case numberWithoutVoice(ProviderID?)
  case numberBusy(PhoneNumberID, PhoneNumberState)
  case regionNotServed(Region)
  case accountMismatch(expected: AccountSID, owner: AccountSID)
  case credentialsOfOtherRegion(asked: Region, valid: Region)
  case credentialNotStaged(ProviderID)
  case credentialRefused(ProviderID)
  case providerEtag(ProviderID)
  case providerContended(ProviderID)
  case tooManyTrials
  case quotaExceeded(CountedKind, countMax: Int)
  /// The carrier did not do it, and nothing is left there.
  case carrier(ProvisioningFailure)
  /// What was being written was undone, or could not be.
  case undone(PhoneNumberID, ProvisioningFailure, leftovers: [Leftover])
  /// Any other; what is told of it is told to logs only.
  case other(String)

  package init(_ error: RegistryError) {
    switch error {
    case .notFound(.provider(let id)): self = .providerNotFound(id)
    case .notFound(.agent(let id)): self = .agentNotFound(id)
    case .notFound(.number(let id)): self = .numberNotFound(id)
    case .numberExists(let id): self = .numberExists(id)
    case .numberInOtherRegion(let id, let region): self = .numberInOtherRegion(id, region)
    case .numberClaimed: self = .numberClaimed
    case .numberNotAtCarrier(let id): self = .numberNotAtCarrier(id)
    case .numberWithoutVoice(let id): self = .numberWithoutVoice(id)
    case .numberBusy(let id, let state): self = .numberBusy(id, state)
    case .regionNotServed(let region): self = .regionNotServed(region)
    case .accountMismatch(let expected, let owner):
      self = .accountMismatch(expected: expected, owner: owner)
    case .credentialsOfOtherRegion(let asked, let valid):
      self = .credentialsOfOtherRegion(asked: asked, valid: valid)
    case .credentialNotStaged(let id): self = .credentialNotStaged(id)
    case .credentialRefused(let id): self = .credentialRefused(id)
    case .etagMismatch(.provider(let id)): self = .providerEtag(id)
    case .contended(.provider(let id)): self = .providerContended(id)
    case .tooManyTrials: self = .tooManyTrials
    case .quotaExceeded(let kind, let countMax): self = .quotaExceeded(kind, countMax: countMax)
    case .carrier(let failure): self = .carrier(ProvisioningFailure(failure))
    case .provisioningFailed(let id, let failure, let leftovers):
      self = .undone(id, failure, leftovers: leftovers)
    default: self = .other("\(error)")
    }
  }

  /// What it was.
  package var error: RegistryError {
    switch self {
    case .providerNotFound(let id): .notFound(.provider(id))
    case .agentNotFound(let id): .notFound(.agent(id))
    case .numberNotFound(let id): .notFound(.number(id))
    case .numberExists(let id): .numberExists(id)
    case .numberInOtherRegion(let id, let region): .numberInOtherRegion(id, region)
    case .numberClaimed: .numberClaimed
    case .numberNotAtCarrier(let id): .numberNotAtCarrier(id)
    case .numberWithoutVoice(let id): .numberWithoutVoice(id)
    case .numberBusy(let id, let state): .numberBusy(id, state)
    case .regionNotServed(let region): .regionNotServed(region)
    case .accountMismatch(let expected, let owner):
      .accountMismatch(expected: expected, owner: owner)
    case .credentialsOfOtherRegion(let asked, let valid):
      .credentialsOfOtherRegion(asked: asked, valid: valid)
    case .credentialNotStaged(let id): .credentialNotStaged(id)
    case .credentialRefused(let id): .credentialRefused(id)
    case .providerEtag(let id): .etagMismatch(.provider(id))
    case .providerContended(let id): .contended(.provider(id))
    case .tooManyTrials: .tooManyTrials
    case .quotaExceeded(let kind, let countMax): .quotaExceeded(kind, countMax: countMax)
    case .carrier(let failure):
      failure.carrierKind.map {
        .carrier(
          CarrierFailure(
            CarrierError($0, effect: .refused, code: failure.carrierCode, message: failure.message)
          ))
      } ?? .internalError(failure.cause.rawValue)
    case .undone(let id, let failure, let leftovers):
      .provisioningFailed(id, failure, leftovers: leftovers)
    case .other(let text): .internalError(text)
    }
  }
}

extension ProvisioningFailure {
  /// What the carrier refused, or could not do.
  init(_ failure: CarrierFailure) {
    self.init(
      CarrierError(
        failure.kind, effect: failure.effect, code: failure.code, message: failure.message))
  }

  /// The carrier's failure that it was; nil when it was none.
  var carrierKind: CarrierError.Kind? {
    switch cause {
    case .credentialsRefused: .credentialsRefused
    case .testCredentials: .testCredentials
    case .keyRestricted: .keyRestricted
    case .accountInactive: .accountInactive
    case .notPermitted: .notPermitted
    case .notFound: .notFound
    case .invalidRequest: .invalidRequest
    case .conflict: .conflict
    case .notForSale: .notForSale
    case .papersMissing: .papersMissing
    case .purchaseRefused: .purchaseRefused
    case .limited: .limited
    case .unavailable: .unavailable
    case .unreadableAnswer: .unreadableAnswer
    case .overwritten, .unsuitable, .cancelled, .refused: nil
    }
  }
}
