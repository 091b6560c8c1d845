internal import API
internal import Registry
internal import Telephony

// SIP trunks and LiveKit servers, as their owner reads them and sends them.

extension Trunkline.V1.Provider.LiveKit {
  init(_ gateway: LiveKitConfiguration) {
    self.init()
    url = gateway.url
    apiKey = gateway.maskedAPIKey
    sipHost = gateway.sipHost
    hasApiSecret = true
  }
}

extension Trunkline.V1.Provider.SipTrunk {
  init(_ trunk: SIPTrunkConfiguration) {
    self.init()
    outbound = trunk.outbound.map { Outbound($0) }
    inbound = trunk.inbound.map { Inbound($0) }
    gatewayProviderID = trunk.gatewayID?.description ?? ""
  }
}

extension Trunkline.V1.Provider.SipTrunk.Outbound {
  fileprivate init(_ outbound: SIPTrunkConfiguration.Outbound) {
    self.init()
    address = outbound.address
    transport = Trunkline.V1.SipTransport(outbound.transport)
    mediaEncryption = Trunkline.V1.MediaEncryption(outbound.encryption)
    headers = outbound.headers
    username = outbound.login?.username ?? ""
    hasPassword = outbound.login != nil
  }
}

extension Trunkline.V1.Provider.SipTrunk.Inbound {
  fileprivate init(_ inbound: SIPTrunkConfiguration.Inbound) {
    self.init()
    allowedAddresses = inbound.allowedAddresses
    allowedNumbers = inbound.allowedNumbers.map(\.text)
    mediaEncryption = Trunkline.V1.MediaEncryption(inbound.encryption)
    username = inbound.login?.username ?? ""
    hasPassword = inbound.login != nil
  }
}

extension Trunkline.V1.SipTransport {
  fileprivate init(_ transport: SIPTransport) {
    switch transport {
    case .automatic: self = .auto
    case .udp: self = .udp
    case .tcp: self = .tcp
    case .tls: self = .tls
    }
  }

  fileprivate var choice: Choice<SIPTransport> {
    switch self {
    case .unspecified: .unset
    case .auto: .value(.automatic)
    case .udp: .value(.udp)
    case .tcp: .value(.tcp)
    case .tls: .value(.tls)
    case .unrecognized: .unknown
    }
  }
}

extension Trunkline.V1.MediaEncryption {
  fileprivate init(_ encryption: Telephony.MediaEncryption) {
    switch encryption {
    case .disabled: self = .disabled
    case .allowed: self = .allowed
    case .required: self = .required
    }
  }

  fileprivate var choice: Choice<Telephony.MediaEncryption> {
    switch self {
    case .unspecified: .unset
    case .disabled: .value(.disabled)
    case .allowed: .value(.allowed)
    case .required: .value(.required)
    case .unrecognized: .unknown
    }
  }
}

// MARK: - Requests

extension LiveKitInput {
  init(_ gateway: Trunkline.V1.Provider.LiveKit) {
    self.init(
      url: gateway.url, apiKey: gateway.apiKey, apiSecret: gateway.apiSecret.map { Secret($0) },
      sipHost: gateway.sipHost)
  }
}

extension SIPTrunkInput {
  init(_ trunk: Trunkline.V1.Provider.SipTrunk) {
    self.init(
      outbound: trunk.outbound.map { Outbound($0) }, inbound: trunk.inbound.map { Inbound($0) },
      gatewayProviderID: trunk.gatewayProviderID)
  }
}

extension SIPTrunkInput.Outbound {
  fileprivate init(_ outbound: Trunkline.V1.Provider.SipTrunk.Outbound) {
    self.init(
      address: outbound.address, transport: outbound.transport.choice,
      encryption: outbound.mediaEncryption.choice, headers: outbound.headers,
      username: outbound.username, password: outbound.password.map { Secret($0) })
  }
}

extension SIPTrunkInput.Inbound {
  fileprivate init(_ inbound: Trunkline.V1.Provider.SipTrunk.Inbound) {
    self.init(
      allowedAddresses: inbound.allowedAddresses, allowedNumbers: inbound.allowedNumbers,
      remoteDomains: inbound.remoteDomains, encryption: inbound.mediaEncryption.choice,
      username: inbound.username, password: inbound.password.map { Secret($0) })
  }
}
