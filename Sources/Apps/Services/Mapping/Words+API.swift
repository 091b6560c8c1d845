internal import API
internal import Registry
internal import Telephony
internal import WellKnown

// The shared words of the contract, from the domain's and back.

extension Trunkline.V1.Region {
  init(_ region: Telephony.Region) {
    switch region {
    case .us1: self = .us1
    case .ie1: self = .ie1
    case .au1: self = .au1
    }
  }
}

extension Trunkline.V1.Region {
  /// What a request means by its region.
  var choice: Choice<Telephony.Region> {
    switch self {
    case .unspecified: .unset
    case .us1: .value(.us1)
    case .ie1: .value(.ie1)
    case .au1: .value(.au1)
    case .unrecognized: .unknown
    }
  }
}

extension Trunkline.V1.ProviderType {
  /// What a filter means.
  var choice: Choice<ProviderKindFilter> {
    switch self {
    case .unspecified: .unset
    case .twilio: .value(.twilio)
    case .sipTrunk: .value(.sipTrunk)
    case .livekit: .value(.liveKit)
    case .unrecognized: .unknown
    }
  }
}

extension Google.Protobuf.Timestamp {
  /// Seconds and nanoseconds since 1970; the fraction counts forwards, before 1970 too.
  init(_ time: Telephony.Timestamp) {
    self.init()
    let (seconds, rest) = time.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    self.seconds = rest < 0 ? seconds - 1 : seconds
    self.nanos = Int32((rest < 0 ? rest + 1_000_000 : rest) * 1000)
  }
}

extension Trunkline.V1.Condition {
  init(_ condition: Registry.Condition) {
    self.init()
    type = condition.kind.name
    status = condition.holds ? .true : .false
    reason = condition.reason
    message = condition.message
    observedTime = Google.Protobuf.Timestamp(condition.observedTime)
  }
}

extension Registry.Condition.Kind {
  /// UPPER_SNAKE, as the contract lists them.
  var name: String {
    switch self {
    case .credentials: "CREDENTIALS"
    case .carrierReachable: "CARRIER_REACHABLE"
    case .carrierSettings: "CARRIER_SETTINGS"
    case .carrierNumber: "CARRIER_NUMBER"
    case .voiceCapability: "VOICE_CAPABILITY"
    case .webhook: "WEBHOOK"
    case .webhookOverride: "WEBHOOK_OVERRIDE"
    case .trunk: "TRUNK"
    case .gateway: "GATEWAY"
    case .originationURL: "ORIGINATION_URL"
    case .trunkCredentials: "TRUNK_CREDENTIALS"
    case .gatewayInboundTrunk: "GATEWAY_INBOUND_TRUNK"
    case .gatewayOutboundTrunk: "GATEWAY_OUTBOUND_TRUNK"
    case .dispatchRule: "DISPATCH_RULE"
    case .fallbackWebhook: "FALLBACK_WEBHOOK"
    case .statusCallback: "STATUS_CALLBACK"
    case .processingRegion: "PROCESSING_REGION"
    }
  }
}
