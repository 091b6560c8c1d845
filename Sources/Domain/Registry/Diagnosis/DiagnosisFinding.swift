package import Telephony

/// One thing that a diagnosis found.
package struct DiagnosisFinding: Sendable, Hashable {
  /// What a finding is about.
  package enum Subject: Sendable, Hashable {
    case provider(ProviderID)
    case number(PhoneNumberID)
    case country(CountryCode)
    case trunk(CarrierTrunkSID)
  }

  package var code: DiagnosisCode
  package var subject: Subject
  /// What was seen. No secret, no full phone number; of an address its host alone.
  package var evidence: String

  package var severity: DiagnosisSeverity { code.severity }
  /// What to do about it: the code's, unless there is a better way here.
  package var remedy: String

  init(
    _ code: DiagnosisCode, _ subject: Subject, _ evidence: String, remedy: String? = nil
  ) {
    self.code = code
    self.subject = subject
    self.evidence = evidence
    self.remedy = remedy ?? code.remedy
  }
}

/// How bad a finding is; the greater the worse.
package enum DiagnosisSeverity: Int, Sendable, Hashable, Comparable {
  /// Nothing is wrong.
  case info
  /// Calls go through, but with less protection or fallback, or it could not be looked at.
  case warning
  /// Calls fail or go elsewhere.
  case error

  package static func < (left: DiagnosisSeverity, right: DiagnosisSeverity) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// Everything that a diagnosis can find, by the name that programs read. The names are part of the
/// contract: `Protos/trunkline/v1/diagnosis.proto` lists them, `docs/doctor.md` describes them.
package enum DiagnosisCode: String, Sendable, Hashable, CaseIterable {
  case credentialsAccepted = "CREDENTIALS_ACCEPTED"
  case credentialsRefused = "CREDENTIALS_REFUSED"
  case credentialsOfOtherRegion = "CREDENTIALS_OF_OTHER_REGION"
  case credentialsOfOtherAccount = "CREDENTIALS_OF_OTHER_ACCOUNT"
  case credentialsForTests = "CREDENTIALS_FOR_TESTS"
  case accountInactive = "ACCOUNT_INACTIVE"
  case carrierUnavailable = "CARRIER_UNAVAILABLE"
  case carrierNotExamined = "CARRIER_NOT_EXAMINED"
  case authTokenMissing = "AUTH_TOKEN_MISSING"
  case authTokenRefused = "AUTH_TOKEN_REFUSED"
  case keyLacksNumbers = "KEY_LACKS_NUMBERS"
  case keyLacksCalls = "KEY_LACKS_CALLS"
  case keyLacksRoutes = "KEY_LACKS_ROUTES"
  case keyLacksDialingPermissions = "KEY_LACKS_DIALING_PERMISSIONS"
  case keyLacksTrunks = "KEY_LACKS_TRUNKS"
  case gatewayKeyUnknown = "GATEWAY_KEY_UNKNOWN"
  case gatewayNotPermitted = "GATEWAY_NOT_PERMITTED"
  case gatewayClockDiffers = "GATEWAY_CLOCK_DIFFERS"
  case gatewayUnreachable = "GATEWAY_UNREACHABLE"
  case gatewayNotLiveKit = "GATEWAY_NOT_LIVEKIT"

  case publicURLAnswers = "PUBLIC_URL_ANSWERS"
  case publicURLMissing = "PUBLIC_URL_MISSING"
  case publicURLNotHTTPS = "PUBLIC_URL_NOT_HTTPS"
  case publicURLNotPublic = "PUBLIC_URL_NOT_PUBLIC"
  case publicURLUnresolvable = "PUBLIC_URL_UNRESOLVABLE"
  case publicURLUnreachable = "PUBLIC_URL_UNREACHABLE"
  case publicURLTimedOut = "PUBLIC_URL_TIMED_OUT"
  case publicURLTLSFailed = "PUBLIC_URL_TLS_FAILED"
  case publicURLOfOtherServer = "PUBLIC_URL_OF_OTHER_SERVER"
  case publicURLOfOtherKeyring = "PUBLIC_URL_OF_OTHER_KEYRING"
  case publicURLDiffers = "PUBLIC_URL_DIFFERS"

  case numbersInOrder = "NUMBERS_IN_ORDER"
  case numberUnsettled = "NUMBER_UNSETTLED"
  case numberCorrupted = "NUMBER_CORRUPTED"
  case numberVanished = "NUMBER_VANISHED"
  case numberWithoutVoice = "NUMBER_WITHOUT_VOICE"
  case numberNotRead = "NUMBER_NOT_READ"
  case webhookMissing = "WEBHOOK_MISSING"
  case webhookTakenOver = "WEBHOOK_TAKEN_OVER"
  case webhookOutdated = "WEBHOOK_OUTDATED"
  case webhookMethodChanged = "WEBHOOK_METHOD_CHANGED"
  case webhookOverriddenByApplication = "WEBHOOK_OVERRIDDEN_BY_APPLICATION"
  case webhookOverriddenByTrunk = "WEBHOOK_OVERRIDDEN_BY_TRUNK"
  case numberOffTrunk = "NUMBER_OFF_TRUNK"
  case numberTrunkMissing = "NUMBER_TRUNK_MISSING"
  case trunkDomainChanged = "TRUNK_DOMAIN_CHANGED"
  case originationURLMissing = "ORIGINATION_URL_MISSING"
  case originationURLChanged = "ORIGINATION_URL_CHANGED"
  case trunkCredentialsMissing = "TRUNK_CREDENTIALS_MISSING"
  case gatewayTrunkMissing = "GATEWAY_TRUNK_MISSING"
  case gatewayTrunkChanged = "GATEWAY_TRUNK_CHANGED"
  case dispatchRuleMissing = "DISPATCH_RULE_MISSING"
  case dispatchRuleChanged = "DISPATCH_RULE_CHANGED"
  case fallbackReplaced = "FALLBACK_REPLACED"
  case statusCallbackReplaced = "STATUS_CALLBACK_REPLACED"
  case processingRegionMoved = "PROCESSING_REGION_MOVED"
  case processingRegionNotRead = "PROCESSING_REGION_NOT_READ"

  case countryAllowed = "COUNTRY_ALLOWED"
  case countryBlocked = "COUNTRY_BLOCKED"
  case countryHighRiskOpen = "COUNTRY_HIGH_RISK_OPEN"
  case countryUnknown = "COUNTRY_UNKNOWN"
  case countryNotRead = "COUNTRY_NOT_READ"

  case trunkInOrder = "TRUNK_IN_ORDER"
  case trunkMissing = "TRUNK_MISSING"
  case trunkWithoutOrigination = "TRUNK_WITHOUT_ORIGINATION"
  case trunkWithoutFallback = "TRUNK_WITHOUT_FALLBACK"
  case trunkWithoutAccessList = "TRUNK_WITHOUT_ACCESS_LIST"
  case trunkNotSecure = "TRUNK_NOT_SECURE"
  case trunkNotRead = "TRUNK_NOT_READ"

  case diagnosisUnfinished = "DIAGNOSIS_UNFINISHED"

  /// One for each code, whatever the case.
  package var severity: DiagnosisSeverity {
    switch self {
    case .credentialsAccepted, .carrierNotExamined, .publicURLAnswers, .numbersInOrder,
      .numberUnsettled, .countryAllowed, .trunkInOrder, .trunkWithoutFallback:
      .info
    case .authTokenMissing, .keyLacksDialingPermissions, .keyLacksTrunks, .publicURLNotHTTPS,
      .publicURLNotPublic, .numberNotRead, .fallbackReplaced, .statusCallbackReplaced,
      .processingRegionNotRead, .countryHighRiskOpen, .countryNotRead, .trunkWithoutAccessList,
      .trunkNotSecure, .trunkNotRead, .diagnosisUnfinished:
      .warning
    case .credentialsRefused, .credentialsOfOtherRegion, .credentialsOfOtherAccount,
      .credentialsForTests, .accountInactive, .carrierUnavailable, .authTokenRefused,
      .keyLacksNumbers, .keyLacksCalls, .keyLacksRoutes, .publicURLMissing,
      .publicURLUnresolvable, .publicURLUnreachable, .publicURLTimedOut, .publicURLTLSFailed,
      .publicURLOfOtherServer, .publicURLOfOtherKeyring, .publicURLDiffers, .numberCorrupted,
      .numberVanished, .numberWithoutVoice, .webhookMissing, .webhookTakenOver,
      .webhookOutdated, .webhookMethodChanged, .webhookOverriddenByApplication,
      .webhookOverriddenByTrunk, .gatewayKeyUnknown, .gatewayNotPermitted, .gatewayClockDiffers,
      .gatewayUnreachable, .gatewayNotLiveKit, .numberTrunkMissing, .trunkDomainChanged,
      .originationURLMissing, .originationURLChanged, .trunkCredentialsMissing,
      .gatewayTrunkMissing, .gatewayTrunkChanged, .dispatchRuleMissing, .dispatchRuleChanged,
      .numberOffTrunk, .processingRegionMoved, .countryBlocked,
      .countryUnknown, .trunkMissing, .trunkWithoutOrigination:
      .error
    }
  }
}
