package import Telephony

/// A LiveKit server with its SIP service.
package struct LiveKitConfiguration: Sendable, Hashable, Codable {
  /// `https://host` or `http://host:port`, in small letters, without a path. Never changes: trunks
  /// of numbers are there.
  package let url: String
  package var apiKey: String
  package var apiSecret: SealedSecret
  /// Where its SIP service takes calls, as it was given: a host with an optional port; nil: it was
  /// not.
  package var givenSIPHost: String?

  package init(
    url: String, apiKey: String, apiSecret: SealedSecret, givenSIPHost: String? = nil
  ) {
    self.url = url
    self.givenSIPHost = givenSIPHost
    self.apiKey = apiKey
    self.apiSecret = apiSecret
  }

  /// Its first characters and its last; of a short one nothing.
  package var maskedAPIKey: String {
    guard apiKey.utf8.count >= 12 else { return "****" }
    return "\(apiKey.prefix(3))****\(apiKey.suffix(4))"
  }

  var key: String { "lk/\(url)/\(apiKey)" }

  /// Where its SIP service takes calls: at LiveKit Cloud beside the project's own host, else on the
  /// server's.
  package var sipHost: String {
    if let givenSIPHost { return givenSIPHost }
    let authority = url.drop { $0 != "/" }.drop { $0 == "/" }
    let host =
      authority.hasPrefix("[")
      ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
    let cloud = ".livekit.cloud"
    return host.hasSuffix(cloud) ? host.dropLast(cloud.count) + ".sip" + cloud : String(host)
  }
}

/// A carrier's SIP trunk. One of `outbound` and `inbound` is there.
package struct SIPTrunkConfiguration: Sendable, Hashable, Codable {
  package var outbound: Outbound?
  package var inbound: Inbound?
  /// The LiveKit provider that signals for its numbers.
  package var gatewayID: ProviderID?

  package init(outbound: Outbound?, inbound: Inbound?, gatewayID: ProviderID?) {
    self.outbound = outbound
    self.inbound = inbound
    self.gatewayID = gatewayID
  }

  /// A user's name and password.
  package struct Login: Sendable, Hashable, Codable {
    package var username: String
    package var password: SealedSecret

    package init(username: String, password: SealedSecret) {
      self.username = username
      self.password = password
    }
  }

  /// Where calls go out.
  package struct Outbound: Sendable, Hashable, Codable {
    /// A host in small letters, with an optional port.
    package var address: String
    package var transport: SIPTransport
    package var encryption: MediaEncryption
    package var headers: [String: String]
    package var login: Login?

    package init(
      address: String, transport: SIPTransport, encryption: MediaEncryption,
      headers: [String: String], login: Login?
    ) {
      self.address = address
      self.transport = transport
      self.encryption = encryption
      self.headers = headers
      self.login = login
    }

    var key: String { Self.key(address: address, username: login?.username ?? "") }

    static func key(address: String, username: String) -> String { "st/\(address)/\(username)" }
  }

  /// Where calls come in. One of `allowedAddresses` and `login` says something.
  package struct Inbound: Sendable, Hashable, Codable {
    package var allowedAddresses: [String]
    /// Which numbers may call; empty: all.
    package var allowedNumbers: [E164]
    package var encryption: MediaEncryption
    package var login: Login?

    package init(
      allowedAddresses: [String], allowedNumbers: [E164], encryption: MediaEncryption,
      login: Login?
    ) {
      self.allowedAddresses = allowedAddresses
      self.allowedNumbers = allowedNumbers
      self.encryption = encryption
      self.login = login
    }
  }
}
