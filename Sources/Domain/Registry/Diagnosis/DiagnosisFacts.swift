package import Telephony

/// What became of one look.
package enum Looked<Value: Sendable & Hashable>: Sendable, Hashable {
  /// The time was over, or what it depends on failed.
  case notTried
  case found(Value)
  case failed(CarrierError)
}

/// Everything that was looked at for a provider; ``Diagnosis`` judges it.
package struct DiagnosisFacts: Sendable {
  /// How the credentials that requests are made with fared.
  package enum Credentials: Sendable, Hashable {
    /// The time was over.
    case notTried
    case accepted
    case ofOtherRegion(Region)
    case ofOtherAccount(AccountSID)
    case failed(CarrierError)

    /// The carrier can be asked more with them.
    package var areOfUse: Bool {
      switch self {
      case .accepted: true
      // A right is missing; another may be there.
      case .failed(let error): error.isMissingRight
      case .notTried, .ofOtherRegion, .ofOtherAccount: false
      }
    }
  }

  /// The Auth Token, which checks signatures.
  package enum AuthToken: Sendable, Hashable {
    case none
    /// It is what requests are made with.
    case isInUse
    case beside(Looked<AccountSID>)
  }

  /// Another Auth Token whose signatures are accepted as well.
  package enum OtherToken: Sendable, Hashable {
    case staged
    case previous(until: Timestamp)
  }

  package enum PublicURL: Sendable, Hashable {
    case missing
    /// `answer` is nil when the time was over.
    case configured(String, answer: PublicURLAnswer?)
  }

  /// A number of ours, and what the carrier has.
  package struct Number: Sendable, Hashable {
    package var number: PhoneNumber
    /// The settings that we would write now.
    package var expected: VoiceSettings
    package var record: Looked<CarrierNumber> = .notTried
    /// nil in it: unset, which is us1. Looked at for inbound numbers alone.
    package var processingRegion: Looked<Region?> = .notTried
    /// What was made for it where this is a diagnosis of: at the carrier, or at the gateway.
    package var outside: [StepKind: Looked<ResourceSight>] = [:]
    /// A gateway is looked at, which has no record of the number.
    package var isAtGateway = false

    package init(number: PhoneNumber, expected: VoiceSettings) {
      self.number = number
      self.expected = expected
    }

    /// A number whose calls go through the gateway that is looked at.
    package init(atGateway number: PhoneNumber) {
      self.init(number: number, expected: VoiceSettings())
      isAtGateway = true
      for resource in number.resources where resource.kind.isAtGateway {
        outside[resource.kind] = .notTried
      }
    }
  }

  package var provider: Provider
  package var credentials: Credentials = .notTried
  package var authToken: AuthToken
  package var otherToken: OtherToken?
  package var calls: Looked<Bool> = .notTried
  package var publicURL: PublicURL
  package var numbers: [Number]
  package var countries: [CountryCode: Looked<DialingPermission>]
  package var trunks: [CarrierTrunkSID: Looked<CarrierTrunk>] = [:]
  /// Of a gateway's provider: whether it takes the key. nil: the provider is a carrier's.
  package var gateway: Looked<Bool>?

  /// Of a gateway's provider.
  package init(gateway provider: Provider, numbers: [Number]) {
    self.init(provider: provider, authToken: .isInUse, publicURL: .missing, numbers: numbers)
    gateway = .notTried
  }

  package init(
    provider: Provider, authToken: AuthToken, publicURL: PublicURL, numbers: [Number] = [],
    countries: [CountryCode: Looked<DialingPermission>] = [:]
  ) {
    self.provider = provider
    self.authToken = authToken
    self.publicURL = publicURL
    self.numbers = numbers
    self.countries = countries
  }
}

extension DiagnosisFacts.Number {
  /// What may stand in its record: what was written, and what would be now.
  var ours: [VoiceSettings] {
    let written = number.configured.map { [$0] } ?? []
    return number.ingress == .webhook ? [expected] + written : written
  }

  /// Its settings at the carrier stand still: nothing of ours writes them now.
  var isSettled: Bool {
    switch number.state {
    case .active, .degraded: number.pendingProviderID == nil
    case .provisioning, .deleting, .corrupted: false
    }
  }

  /// It was looked at, or there was nothing to look at.
  var isExamined: Bool {
    guard isSettled else { return true }
    return isAtGateway ? !outside.values.contains(.notTried) : record != .notTried
  }

  /// All of it was told.
  var isSeen: Bool {
    let isWhole = outside.values.allSatisfy { look in
      if case .found = look { true } else { false }
    }
    guard !isAtGateway else { return isWhole }
    if case .found = record { return isWhole }
    return false
  }
}

extension CarrierError {
  /// The credentials are good but may not do this.
  var isMissingRight: Bool {
    switch kind {
    case .keyRestricted, .notPermitted: true
    case .credentialsRefused, .keyUnknown, .testCredentials, .accountInactive, .notFound,
      .invalidRequest, .conflict, .notForSale, .papersMissing, .purchaseRefused, .limited,
      .unavailable,
      .unreadableAnswer:
      false
    }
  }

  /// The same where good credentials asked: some products answer 401 for a right that is missing.
  var isMissingRightOfGoodKey: Bool { isMissingRight || kind == .credentialsRefused }

  /// For evidence: our reason, the carrier's code and its words.
  var evidence: String {
    let code = code.map { ", code \($0)" } ?? ""
    let words = message.isEmpty ? "" : ": \(message)"
    return "\(kind.reason)\(code)\(words)"
  }
}
