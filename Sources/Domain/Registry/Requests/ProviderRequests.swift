package import Telephony

/// A provider as a request has it.
package struct ProviderInput: Sendable {
  /// Empty in a creation.
  package var id: String
  package var displayName: String
  package var region: Choice<Region>
  /// nil when the request has no configuration, or another; of these three one at most is there.
  package var twilio: TwilioInput?
  package var sipTrunk: SIPTrunkInput?
  package var liveKit: LiveKitInput?
  package var labels: [String: String]
  package var etag: String

  package init(
    id: String = "", displayName: String = "", region: Choice<Region> = .unset,
    twilio: TwilioInput? = nil, sipTrunk: SIPTrunkInput? = nil, liveKit: LiveKitInput? = nil,
    labels: [String: String] = [:], etag: String = ""
  ) {
    self.id = id
    self.displayName = displayName
    self.region = region
    self.twilio = twilio
    self.sipTrunk = sipTrunk
    self.liveKit = liveKit
    self.labels = labels
    self.etag = etag
  }
}

/// A Twilio account as a request has it.
package struct TwilioInput: Sendable {
  package var accountSID: String
  package var apiKeySID: String
  /// nil when unset; empty to remove it in an update.
  package var apiKeySecret: Secret?
  /// nil when unset; empty to remove it in an update.
  package var authToken: Secret?

  package init(
    accountSID: String = "", apiKeySID: String = "", apiKeySecret: Secret? = nil,
    authToken: Secret? = nil
  ) {
    self.accountSID = accountSID
    self.apiKeySID = apiKeySID
    self.apiKeySecret = apiKeySecret
    self.authToken = authToken
  }
}

package struct CreateProvider: Sendable {
  package var provider: ProviderInput?
  package var requestID: String
  package var validateOnly: Bool

  package init(provider: ProviderInput?, requestID: String = "", validateOnly: Bool = false) {
    self.provider = provider
    self.requestID = requestID
    self.validateOnly = validateOnly
  }
}

package struct ListProviders: Sendable {
  package var page: PageRequest
  package var kind: Choice<ProviderKindFilter>
  package var region: Choice<Region>
  package var accountSID: String

  package init(
    page: PageRequest = PageRequest(), kind: Choice<ProviderKindFilter> = .unset,
    region: Choice<Region> = .unset, accountSID: String = ""
  ) {
    self.page = page
    self.kind = kind
    self.region = region
    self.accountSID = accountSID
  }
}

package struct UpdateProvider: Sendable {
  package var provider: ProviderInput?
  /// nil when the request has none.
  package var mask: [String]?
  package var validateOnly: Bool

  package init(provider: ProviderInput?, mask: [String]? = nil, validateOnly: Bool = false) {
    self.provider = provider
    self.mask = mask
    self.validateOnly = validateOnly
  }
}

/// Whose credentials are tried.
package enum ValidateProvider: Sendable {
  case unset
  case stored(id: String)
  case candidate(ProviderInput)
}

/// A number at the carrier, and whether the tenant has it.
package struct ProviderNumber: Sendable, Hashable {
  package var number: CarrierNumber
  package var importedAs: PhoneNumberID?
}

/// What of a provider is looked at.
package struct DiagnoseProvider: Sendable {
  package var providerID: String
  /// Empty: those of the outbound numbers that are looked at.
  package var countries: [String]
  /// 0: the default.
  package var numberLimit: Int
  /// Until the call's deadline; nil when it has none.
  package var timeLeft: Duration?

  package init(
    providerID: String, countries: [String] = [], numberLimit: Int = 0, timeLeft: Duration? = nil
  ) {
    self.providerID = providerID
    self.countries = countries
    self.numberLimit = numberLimit
    self.timeLeft = timeLeft
  }
}

/// What a diagnosis found.
package struct DiagnosisReport: Sendable, Hashable {
  /// The worst first.
  package var findings: [DiagnosisFinding]
  package var examinedNumberCount: Int
  /// At most `RegistryLimits.diagnosisCountedNumbersMax`.
  package var leftOutNumberCount: Int
}

/// What an update of a provider can change, by its path.
enum ProviderField: String, CaseIterable {
  case displayName = "display_name"
  case labels
  case apiKeySID = "twilio.api_key_sid"
  case apiKeySecret = "twilio.api_key_secret"
  case authToken = "twilio.auth_token"
  case outbound = "sip_trunk.outbound"
  case inbound = "sip_trunk.inbound"
  case gatewayID = "sip_trunk.gateway_provider_id"
  case liveKitKey = "livekit.api_key"
  case liveKitSecret = "livekit.api_secret"
  case sipHost = "livekit.sip_host"

  /// The kind whose providers have it; nil: all.
  var kind: ProviderKindFilter? {
    switch self {
    case .displayName, .labels: nil
    case .apiKeySID, .apiKeySecret, .authToken: .twilio
    case .outbound, .inbound, .gatewayID: .sipTrunk
    case .liveKitKey, .liveKitSecret, .sipHost: .liveKit
    }
  }
}

/// What `SyncProvider` takes.
package struct SyncProvider: Sendable {
  package var id: String
  package var isDryRun: Bool
  package var requestID: String

  package init(id: String, isDryRun: Bool = false, requestID: String = "") {
    self.id = id
    self.isDryRun = isDryRun
    self.requestID = requestID
  }
}
