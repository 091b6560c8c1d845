package import Telephony

/// The place at the carrier that a step is about.
///
/// Those that make something stand in the order in which that is done.
package enum StepKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// A SIP trunk at the carrier.
  case trunk
  /// A list of credentials for who calls through the trunk.
  case credentialList
  /// The one credential in the list. It goes with the list.
  case credential
  /// The list on the trunk.
  case trunkCredentialList
  /// Where the trunk sends inbound calls.
  case originationURL
  /// The gateway's trunk for calls that come in.
  case gatewayInboundTrunk
  /// The gateway's trunk for calls that go out.
  case gatewayOutboundTrunk
  /// The gateway's rule that says which room a call goes to.
  case dispatchRule
  /// The number on the trunk: the number's record in one region, as `webhook` is.
  case trunkNumber
  /// The webhook of the number's record in one region.
  case webhook
  /// The region that handles the number's inbound calls.
  case processingRegion
  /// No place: the carrier is given time until all of it knows a change.
  case propagation
  /// All places that the steps before it wrote to.
  case readBack
  /// The number itself, which is bought.
  case purchase
  /// The number itself, which is given up.
  case release

  /// It makes something that was not there before.
  package var isResource: Bool {
    switch self {
    case .trunk, .credentialList, .credential, .trunkCredentialList, .originationURL,
      .gatewayInboundTrunk, .gatewayOutboundTrunk, .dispatchRule:
      true
    case .trunkNumber, .webhook, .processingRegion, .propagation, .readBack, .purchase, .release:
      false
    }
  }

  /// It is done at a gateway, with the credentials of that one's provider.
  package var isAtGateway: Bool {
    switch self {
    case .gatewayInboundTrunk, .gatewayOutboundTrunk, .dispatchRule: true
    case .trunk, .credentialList, .credential, .trunkCredentialList, .originationURL,
      .trunkNumber, .webhook, .processingRegion, .propagation, .readBack, .purchase, .release:
      false
    }
  }

  /// What it is a part of, and goes with.
  package var hangsOn: StepKind? {
    switch self {
    case .originationURL, .trunkCredentialList: .trunk
    case .credential: .credentialList
    default: nil
    }
  }

  /// It is about the number's own record, which tells that the number is gone.
  package var isRecord: Bool { self == .webhook || self == .trunkNumber }
}

/// One step of a work at a carrier: what it is to do, what stood there before, how far it is.
package struct ProvisioningStep: Sendable, Hashable, Codable {
  package enum Aim: String, Sendable, Hashable, Codable {
    /// What is ours is written, and put back when the work fails.
    case make
    /// What is ours is written once more, and stays when the work fails.
    case rewrite
    /// What was ours is put back to what stood there before.
    case restore
    /// What the steps before it wrote is read back.
    case confirm
    /// Nothing is done for some time.
    case wait
    /// The number is bought, which is never undone.
    case buy
    /// The number is given up.
    case release
  }

  package enum State: String, Sendable, Hashable, Codable {
    case pending
    /// It is being done, or was done and nobody knows it yet.
    case running
    case done
    case undoing
    /// Nothing of it is at the carrier.
    case undone
    /// It could not be put back: something of it may be at the carrier.
    case left
  }

  package let kind: StepKind
  package let aim: Aim
  package let region: Region
  /// Whose credentials it needs; nil: those of the number's provider.
  package let providerID: ProviderID?
  /// What is written, or once was; nil for a step that writes nothing. That of a number on a trunk
  /// is known once the trunk is made.
  package var ours: CarrierSetting?
  /// What stood there before; recorded before anything is overwritten.
  package var former: CarrierSetting?
  /// What an earlier work of ours left there: it is not taken for what stood there before us.
  package let left: Leftover.Remedy?
  /// What the last look said must be written to put it back.
  package var putBack: CarrierSetting?
  /// What was made, or found by our name, as it was last seen.
  package var made: ExternalResource?
  /// How long a wait lasts.
  package let duration: Duration?
  /// When a wait that has begun is over.
  package var until: Timestamp?
  package var state: State
  /// The carrier's code of the failure that left it, when it gave one.
  package var carrierCode: Int?

  /// Makes what was not there before, or takes it away.
  package init(_ resource: ExternalResource, _ aim: Aim, providerID: ProviderID? = nil) {
    self.init(
      resource.kind, aim, region: resource.region, providerID: providerID,
      ours: .resource(resource), former: .resource(nil))
  }

  package init(
    _ kind: StepKind, _ aim: Aim, region: Region, providerID: ProviderID? = nil,
    ours: CarrierSetting? = nil, former: CarrierSetting? = nil, left: Leftover.Remedy? = nil,
    duration: Duration? = nil, state: State = .pending
  ) {
    self.kind = kind
    self.aim = aim
    self.region = region
    self.providerID = providerID
    self.ours = ours
    self.former = former
    self.left = left
    self.putBack = nil
    self.made = nil
    self.duration = duration
    self.until = nil
    self.state = state
    self.carrierCode = nil
  }

  /// What `present` is without what an earlier work of ours left there.
  func former(at present: CarrierSetting) -> CarrierSetting {
    left.flatMap { present.puttingBack($0.ours, to: $0.former) } ?? present
  }

  /// It writes what is ours.
  var writes: Bool { aim == .make || aim == .rewrite }

  /// Something of ours may stand there, as far as is known without looking.
  var mayStand: Bool {
    guard writes || aim == .restore, let ours, let former else { return false }
    return !ours.isNothingNew(after: former)
  }

  /// How the step stands once nothing of it is at the carrier.
  var stateRestored: State { aim == .restore ? .done : .undone }

  /// What it makes, as it was last seen; nil for a step that makes nothing.
  package var resource: ExternalResource? {
    if let made { return made }
    guard case .resource(let resource) = ours else { return nil }
    return resource
  }

  package var leftover: Leftover? {
    guard state == .left else { return nil }
    // The number has recorded what was made.
    if let resource {
      return Leftover(
        kind: kind, region: region, carrierCode: carrierCode, resource: resource)
    }
    var remedy: Leftover.Remedy?
    if let providerID, let ours, let former {
      remedy = Leftover.Remedy(providerID: providerID, ours: ours, former: former)
    }
    return Leftover(kind: kind, region: region, carrierCode: carrierCode, remedy: remedy)
  }
}
