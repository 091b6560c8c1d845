internal import Telephony

/// Judges what was looked at. Pure: the same facts give the same findings.
package struct Diagnosis: Sendable {
  let facts: DiagnosisFacts
  private var found: [DiagnosisFinding] = []

  private init(_ facts: DiagnosisFacts) { self.facts = facts }

  /// What is found, the worst first; of the same severity in the order credentials, public URL,
  /// numbers, trunks, countries.
  package static func findings(_ facts: DiagnosisFacts) -> [DiagnosisFinding] {
    var diagnosis = Diagnosis(facts)
    if let gateway = facts.gateway {
      diagnosis.judgeGateway(gateway)
      if case .found = gateway { diagnosis.judgeNumbers() }
    } else {
      diagnosis.judgeCredentials()
      diagnosis.judgePublicURL()
    }
    if facts.gateway == nil, facts.credentials.areOfUse {
      diagnosis.judgeRights()
      diagnosis.judgeNumbers()
      diagnosis.judgeTrunks()
      diagnosis.judgeCountries()
    }
    diagnosis.judgeTime()
    let indexed = diagnosis.found.enumerated()
    return indexed.sorted {
      ($1.element.severity, $0.offset) < ($0.element.severity, $1.offset)
    }.map(\.element)
  }

  /// Something about the provider itself.
  mutating func add(_ code: DiagnosisCode, _ evidence: String) {
    add(code, .provider(facts.provider.id), evidence)
  }

  mutating func add(
    _ code: DiagnosisCode, _ subject: DiagnosisFinding.Subject, _ evidence: String
  ) {
    found.append(DiagnosisFinding(code, subject, evidence))
  }

  /// How many findings there are by now.
  var count: Int { found.count }

  // MARK: Credentials

  private mutating func judgeCredentials() {
    let region = facts.provider.region
    switch facts.credentials {
    case .notTried: break
    case .accepted:
      add(
        .credentialsAccepted,
        "The carrier took \(facts.credentialName) in \(region) and named the account "
          + "\(facts.account).")
    case .ofOtherRegion(let valid):
      add(
        .credentialsOfOtherRegion,
        "The carrier refused \(facts.credentialName) in \(region) and takes it in \(valid).")
    case .ofOtherAccount(let owner):
      add(
        .credentialsOfOtherAccount,
        "\(facts.credentialName) belongs to the account \(owner.masked), not to "
          + "\(facts.account).")
    case .failed(let error):
      switch error.kind {
      case .keyRestricted, .notPermitted: break
      case .credentialsRefused, .keyUnknown:
        add(.credentialsRefused, "\(facts.credentialName) in \(region): \(error.evidence)")
      case .testCredentials:
        add(.credentialsForTests, "\(facts.credentialName): \(error.evidence)")
      case .accountInactive:
        add(.accountInactive, "\(facts.account): \(error.evidence)")
      case .notFound, .invalidRequest, .conflict, .notForSale, .papersMissing, .purchaseRefused,
        .limited, .unavailable, .unreadableAnswer:
        add(.carrierUnavailable, "The carrier was asked in \(region): \(error.evidence)")
      }
    }
    if !facts.credentials.areOfUse && facts.credentials != .notTried {
      add(
        .carrierNotExamined,
        "Numbers, trunks and countries can be looked at with good credentials alone.")
    }
    judgeAuthToken()
  }

  private mutating func judgeAuthToken() {
    switch facts.authToken {
    case .isInUse, .beside(.notTried), .beside(.found): break
    case .none:
      add(
        .authTokenMissing,
        "No Auth Token is held: who knows a webhook's address may call it, signed or not.")
    case .beside(.failed(let error)):
      guard error.kind == .credentialsRefused else { return }
      judgeRefusedToken(error)
    }
  }

  private mutating func judgeRefusedToken(_ error: CarrierError) {
    let refused = "The carrier refused the Auth Token in \(facts.provider.region)"
    switch facts.otherToken {
    case nil:
      add(.authTokenRefused, "\(refused), so that no webhook's signature fits: \(error.evidence)")
    case .staged:
      found.append(
        DiagnosisFinding(
          .authTokenRefused, .provider(facts.provider.id),
          "\(refused); signatures of the staged one are accepted: \(error.evidence)",
          remedy: "Let the staged Auth Token take its place, with PromoteCredential."))
    case .previous(let end):
      found.append(
        DiagnosisFinding(
          .authTokenRefused, .provider(facts.provider.id),
          "\(refused); signatures of the one before are accepted until \(end.rfc3339): "
            + error.evidence,
          remedy: "Put the previous Auth Token back before its window is over, with "
            + "RollbackCredential."))
    }
  }

  /// The rights that calls need, each known by what was refused for the lack of it.
  private mutating func judgeRights() {
    var numbers: CarrierError?
    if case .failed(let error) = facts.credentials { numbers = error }
    var routes: CarrierError?
    for number in facts.numbers {
      if case .failed(let error) = number.record, error.isMissingRight {
        numbers = numbers ?? error
      }
      if case .failed(let error) = number.processingRegion, error.isMissingRightOfGoodKey {
        routes = routes ?? error
      }
    }
    var calls: CarrierError?
    if case .failed(let error) = facts.calls, error.isMissingRightOfGoodKey { calls = error }
    add(.keyLacksNumbers, "reading phone numbers", numbers)
    add(.keyLacksCalls, "listing calls", calls)
    add(.keyLacksRoutes, "reading a number's inbound processing region", routes)
    add(.keyLacksDialingPermissions, "reading dialing permissions", Self.refusal(facts.countries))
    add(.keyLacksTrunks, "reading a SIP trunk", Self.refusal(facts.trunks) ?? outsideRefusal)
  }

  private mutating func add(_ code: DiagnosisCode, _ what: String, _ error: CarrierError?) {
    guard let error else { return }
    add(code, "\(facts.credentialName), \(what): \(error.evidence)")
  }

  /// The first refusal of a look at what was made for a number.
  private var outsideRefusal: CarrierError? {
    for number in facts.numbers {
      for kind in StepKind.allCases {
        if case .failed(let error) = number.outside[kind], error.isMissingRightOfGoodKey {
          return error
        }
      }
    }
    return nil
  }

  /// The first refusal for the lack of a right, by the order of the subjects.
  private static func refusal<Key: Comparable, Value>(
    _ looks: [Key: Looked<Value>]
  ) -> CarrierError? {
    for (_, look) in looks.sorted(by: { $0.key < $1.key }) {
      if case .failed(let error) = look, error.isMissingRightOfGoodKey { return error }
    }
    return nil
  }

  // MARK: Countries and trunks

  private mutating func judgeCountries() {
    for (country, look) in facts.countries.sorted(by: { $0.key < $1.key }) {
      switch look {
      case .notTried: break
      case .failed(let error) where error.kind == .notFound:
        add(.countryUnknown, .country(country), error.evidence)
      case .failed(let error) where error.isMissingRightOfGoodKey: break
      case .failed(let error): add(.countryNotRead, .country(country), error.evidence)
      case .found(let permission):
        func word(_ isAllowed: Bool) -> String { isAllowed ? "allowed" : "blocked" }
        let evidence =
          "low-risk \(word(permission.lowRisk)), high-risk special "
          + "\(word(permission.highRiskSpecial)), toll-fraud \(word(permission.highRiskTollFraud))"
        add(permission.lowRisk ? .countryAllowed : .countryBlocked, .country(country), evidence)
        if permission.highRiskSpecial || permission.highRiskTollFraud {
          add(.countryHighRiskOpen, .country(country), evidence)
        }
      }
    }
  }

  private mutating func judgeTrunks() {
    for (sid, look) in facts.trunks.sorted(by: { $0.key < $1.key }) {
      switch look {
      case .notTried: break
      case .failed(let error) where error.kind == .notFound:
        add(.trunkMissing, .trunk(sid), error.evidence)
      case .failed(let error) where error.isMissingRightOfGoodKey: break
      case .failed(let error): add(.trunkNotRead, .trunk(sid), error.evidence)
      case .found(let trunk): judge(trunk, sid)
      }
    }
  }

  private mutating func judge(_ trunk: CarrierTrunk, _ sid: CarrierTrunkSID) {
    let before = count
    let origination =
      "\(trunk.originationCount) origination URLs, \(trunk.enabledOriginationCount) of them on"
    if trunk.enabledOriginationCount == 0 {
      add(.trunkWithoutOrigination, .trunk(sid), origination)
    } else if trunk.enabledOriginationCount == 1 {
      add(.trunkWithoutFallback, .trunk(sid), origination)
    }
    if !trunk.hasCredentialList && !trunk.hasAddressList {
      add(.trunkWithoutAccessList, .trunk(sid), "no credential list, no IP access control list")
    }
    if !trunk.isSecure { add(.trunkNotSecure, .trunk(sid), "secure trunking is off") }
    guard count == before else { return }
    add(.trunkInOrder, .trunk(sid), origination)
  }

  // MARK: Time

  private mutating func judgeTime() {
    var left: [String] = []
    func tell(_ count: Int, _ one: String, _ several: String) {
      if count > 0 { left.append(count == 1 ? "one \(one)" : "\(count) \(several)") }
    }
    if facts.gateway == .notTried || facts.gateway == nil && facts.credentials == .notTried {
      left.append("the credentials")
    }
    if case .found = facts.gateway {
      tell(facts.numbers.count { !$0.isExamined }, "number", "numbers")
    }
    if case .configured(_, nil) = facts.publicURL { left.append("the public URL") }
    if facts.gateway == nil, facts.credentials.areOfUse || facts.credentials == .notTried {
      if case .beside(let look) = facts.authToken, let text = Self.unknown(look) {
        left.append("the Auth Token\(text)")
      }
      if let text = Self.unknown(facts.calls) { left.append("the right to calls\(text)") }
      tell(facts.numbers.count { !$0.isExamined }, "number", "numbers")
      tell(facts.countries.values.count { $0 == .notTried }, "country", "countries")
      tell(facts.trunks.values.count { $0 == .notTried }, "trunk", "trunks")
    }
    guard !left.isEmpty else { return }
    add(.diagnosisUnfinished, "Not looked at: " + left.joined(separator: ", ") + ".")
  }

  /// Nil when the look says something; else why it does not.
  private static func unknown<Value>(_ look: Looked<Value>) -> String? {
    switch look {
    case .found: nil
    case .notTried: ""
    case .failed(let error):
      error.isMissingRightOfGoodKey || !error.isTransient ? nil : " (\(error.evidence))"
    }
  }
}

extension DiagnosisFacts {
  /// Masked.
  fileprivate var account: String { provider.accountSID?.masked ?? "" }

  /// What requests are made with, for evidence.
  fileprivate var credentialName: String {
    provider.twilio?.apiKey.map { "The API key \($0.sid.masked)" } ?? "The Auth Token"
  }
}
