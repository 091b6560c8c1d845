package import Telephony

/// How often a resource was written: 1 when it is made, one more with each change.
///
/// A store compares it when it writes, so that no change is lost.
package typealias Version = UInt64

/// What every resource has: when it was made, when it changed, and how often.
package struct Revision: Sendable, Hashable, Codable {
  package var version: Version
  package let createTime: Timestamp
  package var updateTime: Timestamp

  /// The revision of something made now.
  package init(createTime: Timestamp) {
    self.init(version: 1, createTime: createTime, updateTime: createTime)
  }

  package init(version: Version, createTime: Timestamp, updateTime: Timestamp) {
    self.version = version
    self.createTime = createTime
    self.updateTime = updateTime
  }

  /// The opaque mark of AIP-154. It holds the time of creation too, so that a thing which is
  /// deleted and made again under the same id does not match an old mark.
  package var etag: String {
    String(createTime.microseconds, radix: 36) + "-" + String(version, radix: 36)
  }

  /// One more change, at `time`; the time of the last change never steps backwards.
  package func next(at time: Timestamp) -> Revision {
    Revision(
      version: version + 1, createTime: createTime, updateTime: max(time, updateTime))
  }
}

/// Why a resource is in its state. A state says what may be done; conditions say why.
package struct Condition: Sendable, Hashable, Codable {
  /// What is judged.
  package enum Kind: String, Sendable, Hashable, Codable {
    /// The provider's credentials at the carrier.
    case credentials
    /// Whether the carrier answers at all, for a provider.
    case carrierReachable
    /// The number's webhook and inbound processing region at the carrier.
    case carrierSettings
    /// The account holds the number.
    case carrierNumber
    /// The number can take and place voice calls.
    case voiceCapability
    /// Our address is asked when a call comes in.
    case webhook
    /// Nothing at the carrier stands in place of our address.
    case webhookOverride
    /// A number by trunk is on its trunk.
    case trunk
    /// Somebody signals for a number of a SIP trunk.
    case gateway
    /// The trunk sends inbound calls to the gateway.
    case originationURL
    /// The gateway may call out through the trunk.
    case trunkCredentials
    /// The gateway takes the number's inbound calls.
    case gatewayInboundTrunk
    /// The gateway calls out through the trunk.
    case gatewayOutboundTrunk
    /// The gateway's rule gives each call a room.
    case dispatchRule
    /// Our address is asked when the first one fails.
    case fallbackWebhook
    /// Our address is told how calls ended.
    case statusCallback
    /// The region that handles inbound calls is the provider's.
    case processingRegion
  }

  package var kind: Kind
  package var holds: Bool
  /// UPPER_SNAKE, for machines.
  package var reason: String
  /// A sentence, for people. No full phone number, no secret.
  package var message: String
  package var observedTime: Timestamp

  package init(
    kind: Kind, holds: Bool, reason: String, message: String, observedTime: Timestamp
  ) {
    self.kind = kind
    self.holds = holds
    self.reason = reason
    self.message = message
    self.observedTime = observedTime
  }
}
