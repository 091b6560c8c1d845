package import Telephony

/// A LiveKit server as a request has it.
package struct LiveKitInput: Sendable {
  package var url: String
  package var apiKey: String
  /// nil when unset.
  package var apiSecret: Secret?
  /// Empty: what follows from `url`.
  package var sipHost: String

  package init(
    url: String = "", apiKey: String = "", apiSecret: Secret? = nil, sipHost: String = ""
  ) {
    self.sipHost = sipHost
    self.url = url
    self.apiKey = apiKey
    self.apiSecret = apiSecret
  }
}

/// A SIP trunk as a request has it.
package struct SIPTrunkInput: Sendable {
  package var outbound: Outbound?
  package var inbound: Inbound?
  /// Empty: none.
  package var gatewayProviderID: String

  package init(
    outbound: Outbound? = nil, inbound: Inbound? = nil, gatewayProviderID: String = ""
  ) {
    self.outbound = outbound
    self.inbound = inbound
    self.gatewayProviderID = gatewayProviderID
  }

  /// Where calls go out.
  package struct Outbound: Sendable {
    package var address: String
    package var transport: Choice<SIPTransport>
    package var encryption: Choice<MediaEncryption>
    package var headers: [String: String]
    package var username: String
    /// nil when unset; empty to remove it in an update.
    package var password: Secret?

    package init(
      address: String, transport: Choice<SIPTransport> = .unset,
      encryption: Choice<MediaEncryption> = .unset, headers: [String: String] = [:],
      username: String = "", password: Secret? = nil
    ) {
      self.address = address
      self.transport = transport
      self.encryption = encryption
      self.headers = headers
      self.username = username
      self.password = password
    }
  }

  /// Where calls come in.
  package struct Inbound: Sendable {
    package var allowedAddresses: [String]
    package var allowedNumbers: [String]
    package var remoteDomains: [String]
    package var encryption: Choice<MediaEncryption>
    package var username: String
    /// nil when unset; empty to remove it in an update.
    package var password: Secret?

    package init(
      allowedAddresses: [String] = [], allowedNumbers: [String] = [],
      remoteDomains: [String] = [], encryption: Choice<MediaEncryption> = .unset,
      username: String = "", password: Secret? = nil
    ) {
      self.allowedAddresses = allowedAddresses
      self.allowedNumbers = allowedNumbers
      self.remoteDomains = remoteDomains
      self.encryption = encryption
      self.username = username
      self.password = password
    }
  }
}
