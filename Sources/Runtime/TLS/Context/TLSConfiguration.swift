/// A certificate with its chain and its private key, in PEM.
package struct TLSCredentials: Sendable {
  /// The certificate first, then what leads from it to the authority.
  package var certificateChain: [UInt8]
  package var privateKey: [UInt8]

  package init(certificateChain: [UInt8], privateKey: [UInt8]) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
  }
}

/// Whether clients show certificates. The authorities are those, in PEM, that may have signed them.
package enum ClientVerification: Sendable {
  /// They are not asked.
  case none
  /// They are asked; who shows none is served without an identity, a bad one is refused.
  case request(authorities: [UInt8])
  /// Who shows none is refused.
  case require(authorities: [UInt8])
}

/// How a server speaks TLS.
package struct TLSServerConfiguration: Sendable {
  package var credentials: TLSCredentials
  package var clients: ClientVerification

  package init(credentials: TLSCredentials, clients: ClientVerification = .none) {
    self.credentials = credentials
    self.clients = clients
  }
}

/// Whose signature makes a server's certificate good.
package enum ServerTrust: Sendable {
  /// The system's list of authorities.
  case system
  /// These, in PEM.
  case authorities([UInt8])
}

/// How a client speaks TLS.
package struct TLSClientConfiguration: Sendable {
  package var trust: ServerTrust
  /// Shown to servers that ask for a certificate.
  package var credentials: TLSCredentials?
  /// The name or IP address that the server's certificate must be for; the host of the target
  /// without it.
  package var serverName: String?

  package init(
    trust: ServerTrust = .system, credentials: TLSCredentials? = nil, serverName: String? = nil
  ) {
    self.trust = trust
    self.credentials = credentials
    self.serverName = serverName
  }
}
