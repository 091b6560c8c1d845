internal import LiveKitAPI
internal import Registry
internal import Telephony

// The port's values as LiveKit's messages, and back. Pure.

extension Livekit.SIPInboundTrunkInfo {
  /// Without its id, which the server gives.
  init(_ trunk: GatewayInboundTrunk) {
    self.init(
      name: trunk.name, numbers: trunk.numbers, allowedAddresses: trunk.allowedAddresses,
      allowedNumbers: trunk.allowedNumbers, authUsername: trunk.username,
      authPassword: trunk.password?.text ?? "",
      // Older servers read only the first of the two.
      mediaEncryption: .init(trunk.encryption), media: .init(encryption: .init(trunk.encryption)))
  }
}

extension GatewayInboundTrunk {
  init(_ info: Livekit.SIPInboundTrunkInfo) throws(CarrierError) {
    self.init(
      id: info.sipTrunkID, name: info.name, numbers: info.numbers,
      allowedAddresses: info.allowedAddresses, allowedNumbers: info.allowedNumbers,
      username: info.authUsername,
      encryption: try MediaEncryption(info.media?.encryption ?? info.mediaEncryption))
  }
}

extension Livekit.SIPOutboundTrunkInfo {
  /// Without its id, which the server gives.
  init(_ trunk: GatewayOutboundTrunk) {
    self.init(
      name: trunk.name, address: trunk.address, transport: .init(trunk.transport),
      numbers: trunk.numbers, authUsername: trunk.username,
      authPassword: trunk.password?.text ?? "", headers: trunk.headers,
      mediaEncryption: .init(trunk.encryption), media: .init(encryption: .init(trunk.encryption)))
  }
}

extension GatewayOutboundTrunk {
  init(_ info: Livekit.SIPOutboundTrunkInfo) throws(CarrierError) {
    self.init(
      id: info.sipTrunkID, name: info.name, address: info.address,
      transport: try SIPTransport(info.transport), numbers: info.numbers,
      username: info.authUsername, headers: info.headers,
      encryption: try MediaEncryption(info.media?.encryption ?? info.mediaEncryption))
  }
}

extension Livekit.SIPDispatchRuleInfo {
  /// Without its id, which the server gives.
  init(_ rule: GatewayDispatchRule) {
    self.init(
      rule: .init(rule: .dispatchRuleIndividual(.init(roomPrefix: rule.roomPrefix))),
      trunkIDs: rule.trunkIDs, name: rule.name, attributes: rule.attributes)
  }
}

extension GatewayDispatchRule {
  init(_ info: Livekit.SIPDispatchRuleInfo) {
    var prefix = ""
    var isForEveryCall = false
    if case .dispatchRuleIndividual(let rule)? = info.rule?.rule {
      prefix = rule.roomPrefix
      isForEveryCall =
        rule.pin.isEmpty && !rule.noRandomness && info.inboundNumbers.isEmpty
        && info.numbers.isEmpty
    }
    self.init(
      id: info.sipDispatchRuleID, name: info.name, trunkIDs: info.trunkIDs, roomPrefix: prefix,
      attributes: info.attributes, isForEveryCall: isForEveryCall)
  }
}

extension Livekit.SIPMediaEncryption {
  init(_ encryption: MediaEncryption) {
    self =
      switch encryption {
      case .disabled: .sipMediaEncryptDisable
      case .allowed: .sipMediaEncryptAllow
      case .required: .sipMediaEncryptRequire
      }
  }
}

extension MediaEncryption {
  init(_ encryption: Livekit.SIPMediaEncryption) throws(CarrierError) {
    switch encryption {
    case .sipMediaEncryptDisable: self = .disabled
    case .sipMediaEncryptAllow: self = .allowed
    case .sipMediaEncryptRequire: self = .required
    case .unrecognized(let number): throw .unreadable("Media encryption \(number) is not known.")
    }
  }
}

extension Livekit.SIPTransport {
  init(_ transport: SIPTransport) {
    self =
      switch transport {
      case .automatic: .auto
      case .udp: .udp
      case .tcp: .tcp
      case .tls: .tls
      }
  }
}

extension SIPTransport {
  init(_ transport: Livekit.SIPTransport) throws(CarrierError) {
    switch transport {
    case .auto: self = .automatic
    case .udp: self = .udp
    case .tcp: self = .tcp
    case .tls: self = .tls
    case .unrecognized(let number): throw .unreadable("SIP transport \(number) is not known.")
    }
  }
}

extension Secret {
  fileprivate var text: String { String(decoding: revealed, as: UTF8.self) }
}
