package import Telephony

/// Something that was changed at the carrier behind our back.
package enum DriftFinding: Sendable, Hashable {
  /// The account does not hold the number any more.
  case vanished
  /// The carrier names another owner.
  case movedAccount(to: AccountSID)
  /// The number can't take or place voice calls any more.
  case voiceLost
  /// Another address is asked when a call comes in, or ours with another method.
  case webhookReplaced(by: Replacement)
  /// An application of the carrier answers in place of the webhook.
  case applicationOverrides
  /// A trunk of the carrier takes the calls in place of the webhook.
  case trunkOverrides
  /// Another address is asked when the webhook fails.
  case fallbackReplaced(by: Replacement)
  /// Another address is told how calls ended.
  case statusCallbackReplaced(by: Replacement)
  /// A number by trunk is on no trunk.
  case trunkDetached
  /// A number by trunk is on somebody else's.
  case trunkReplaced
  /// Something that was made for a number by trunk is gone.
  case resourceMissing(StepKind)
  /// Something that was made for a number by trunk says something else.
  case resourceChanged(StepKind)
  /// Another region handles inbound calls; nil: one that we don't know.
  case processingRegionMoved(to: Region?)

  /// Who stands where we stood, as far as it may be told: never the whole address, which may hold a
  /// secret of its owner's.
  package enum Replacement: Sendable, Hashable {
    case nobody
    /// Our own address, with another HTTP method.
    case otherMethod
    /// Lower-case, without user and port.
    case host(String)
    /// An address without a host that could be read.
    case unreadable

    /// Another address than ours.
    init(url: String) {
      if url.isEmpty {
        self = .nobody
      } else {
        self = Self.host(of: url).map { .host($0) } ?? .unreadable
      }
    }

    /// The host of an absolute URL (RFC 3986, section 3.2.2); nil when it has none of the usual
    /// form.
    static func host(of url: String) -> String? {
      guard let scheme = url.firstRange(of: "://") else { return nil }
      var authority = url[scheme.upperBound...].prefix { !"/?#\\".contains($0) }
      if let user = authority.lastIndex(of: "@") {
        authority = authority[authority.index(after: user)...]
      }
      if authority.hasPrefix("[") {
        guard let end = authority.firstIndex(of: "]") else { return nil }
        authority = authority[...end]
      } else if let port = authority.firstIndex(of: ":") {
        authority = authority[..<port]
      }
      let host = authority.lowercased()
      guard (1...RegistryLimits.driftHostLengthMax).contains(host.utf8.count),
        host.utf8.allSatisfy({ isHostByte($0) })
      else { return nil }
      return host
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
      default: ".-_:[]".utf8.contains(byte)
      }
    }
  }
}

// MARK: - As conditions

extension DriftFinding {
  /// The condition's type: two findings of one type exclude each other.
  package var kind: Condition.Kind {
    switch self {
    case .vanished, .movedAccount: .carrierNumber
    case .voiceLost: .voiceCapability
    case .webhookReplaced: .webhook
    case .applicationOverrides, .trunkOverrides: .webhookOverride
    case .trunkDetached, .trunkReplaced: .trunk
    case .resourceMissing(let kind), .resourceChanged(let kind): kind.condition
    case .fallbackReplaced: .fallbackWebhook
    case .statusCallbackReplaced: .statusCallback
    case .processingRegionMoved: .processingRegion
    }
  }

  /// UPPER_SNAKE, for programs; the contract lists them.
  package var reason: String {
    switch self {
    case .vanished: "NUMBER_VANISHED"
    case .movedAccount: "NUMBER_MOVED_TO_OTHER_ACCOUNT"
    case .voiceLost: "VOICE_CAPABILITY_LOST"
    case .webhookReplaced(.nobody): "WEBHOOK_REMOVED"
    case .webhookReplaced: "WEBHOOK_REPLACED"
    case .applicationOverrides: "OVERRIDDEN_BY_APPLICATION"
    case .trunkOverrides: "OVERRIDDEN_BY_TRUNK"
    case .trunkDetached: "TRUNK_DETACHED"
    case .trunkReplaced: "TRUNK_REPLACED"
    case .resourceMissing(.trunkCredentialList): "CREDENTIAL_LIST_DETACHED"
    case .resourceMissing(let kind): kind.reasonStem + "_MISSING"
    case .resourceChanged(let kind): kind.reasonStem + "_CHANGED"
    case .fallbackReplaced: "FALLBACK_WEBHOOK_REPLACED"
    case .statusCallbackReplaced: "STATUS_CALLBACK_REPLACED"
    case .processingRegionMoved: "PROCESSING_REGION_MOVED"
    }
  }

  /// Cause and remedy, for people. Holds no phone number and of an address only the host.
  package var message: String {
    switch self {
    case .vanished:
      "The account does not hold the number any more: it was released, or moved to another "
        + "account. Delete the number here, or get it back at the carrier."
    case .movedAccount(let account):
      "The number belongs to \(account) by now. Delete it here and import it from a provider of "
        + "that account."
    case .voiceLost:
      "The number can't take or place voice calls any more. Ask the carrier, or delete the number."
    case .webhookReplaced(let replacement):
      "\(replacement.subject) asked when a call comes in. \(Self.repair)"
    case .applicationOverrides:
      "An application at the carrier answers the number's calls in place of the webhook. "
        + Self.repair
    case .trunkOverrides:
      "A trunk at the carrier takes the number's calls in place of the webhook. \(Self.repair)"
    case .trunkDetached:
      "The number was taken off the trunk that leads its calls here. \(Self.repair)"
    case .trunkReplaced:
      "The number was put on another trunk, which takes its calls. \(Self.repair)"
    case .resourceMissing(.trunkCredentialList):
      "The list of credentials that was made for the number is not on its trunk any more. "
        + Self.repair
    case .resourceMissing(let kind):
      "\(kind.subject) that was made for the number is gone. \(Self.repair)"
    case .resourceChanged(let kind):
      "\(kind.subject) that was made for the number was changed. \(Self.repair)"
    case .fallbackReplaced(let replacement):
      "\(replacement.subject) asked when the webhook fails. \(Self.repair)"
    case .statusCallbackReplaced(let replacement):
      "\(replacement.subject) told how calls ended. \(Self.repair)"
    case .processingRegionMoved(let region?):
      "The carrier handles the number's inbound calls in \(region) by now. \(Self.repair)"
    case .processingRegionMoved(nil):
      "The carrier handles the number's inbound calls in a region that Trunkline does not serve. "
        + Self.repair
    }
  }

  private static let repair =
    "Repair the number to write ours again, or delete it here to leave this as it is."

  package func condition(observed time: Timestamp) -> Condition {
    Condition(kind: kind, holds: false, reason: reason, message: message, observedTime: time)
  }
}

extension DriftFinding.Replacement {
  /// The beginning of a sentence.
  fileprivate var subject: String {
    switch self {
    case .nobody: "Nobody is"
    case .otherMethod: "Our address, but with another HTTP method, is"
    case .host(let host): "An address at \(host) is"
    case .unreadable: "Another address is"
    }
  }
}

extension StepKind {
  /// Which condition speaks of it.
  fileprivate var condition: Condition.Kind {
    switch self {
    case .trunk, .trunkNumber: .trunk
    case .originationURL: .originationURL
    case .credentialList, .credential, .trunkCredentialList: .trunkCredentials
    case .gatewayInboundTrunk: .gatewayInboundTrunk
    case .gatewayOutboundTrunk: .gatewayOutboundTrunk
    case .dispatchRule: .dispatchRule
    case .webhook, .processingRegion, .propagation, .readBack, .purchase, .release:
      preconditionFailure("A \(rawValue) is nothing that is made.")
    }
  }

  fileprivate var reasonStem: String {
    switch self {
    case .trunk, .trunkNumber: "TRUNK"
    case .originationURL: "ORIGINATION_URL"
    case .credentialList, .trunkCredentialList: "CREDENTIAL_LIST"
    case .credential: "CREDENTIAL"
    case .gatewayInboundTrunk: "GATEWAY_INBOUND_TRUNK"
    case .gatewayOutboundTrunk: "GATEWAY_OUTBOUND_TRUNK"
    case .dispatchRule: "DISPATCH_RULE"
    case .webhook, .processingRegion, .propagation, .readBack, .purchase, .release:
      preconditionFailure("A \(rawValue) is nothing that is made.")
    }
  }

  /// The beginning of a sentence.
  var subject: String {
    switch self {
    case .trunk, .trunkNumber: "The trunk"
    case .originationURL: "The trunk's origination URL"
    case .credentialList, .trunkCredentialList: "The list of credentials"
    case .credential: "The credential for calls out"
    case .gatewayInboundTrunk: "The gateway's trunk for calls in"
    case .gatewayOutboundTrunk: "The gateway's trunk for calls out"
    case .dispatchRule: "The gateway's dispatch rule"
    case .webhook, .processingRegion, .propagation, .readBack, .purchase, .release:
      preconditionFailure("A \(rawValue) is nothing that is made.")
    }
  }
}
