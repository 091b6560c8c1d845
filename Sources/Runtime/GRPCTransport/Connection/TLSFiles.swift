internal import EventLoops
package import TLS

/// Where a server's certificate, its key and its clients' authorities are, in PEM.
package struct TLSFiles: Hashable, Sendable {
  package var certificate: String
  package var key: String
  /// Whose clients are let in; clients are not asked for certificates without it.
  package var clientAuthorities: String?
  /// Whether a client without a certificate is refused.
  package var requiresClientCertificate: Bool

  package init(
    certificate: String, key: String, clientAuthorities: String? = nil,
    requiresClientCertificate: Bool = true
  ) {
    self.certificate = certificate
    self.key = key
    self.clientAuthorities = clientAuthorities
    self.requiresClientCertificate = requiresClientCertificate
  }

  /// The most bytes of one file: room for a bundle of several hundred authorities.
  package static let byteCountMax = 1 << 20

  /// Blocks: not for a loop's thread.
  var signature: CertificateReloadStateMachine.Signature { paths.map { FileSignature(path: $0) } }

  var paths: [String] { [certificate, key] + (clientAuthorities.map { [$0] } ?? []) }

  /// Makes a server's context from what the files hold now. Blocks: not for a loop's thread.
  package func load() throws(TLSFileError) -> TLSContext {
    let credentials = TLSCredentials(
      certificateChain: try Self.read(certificate), privateKey: try Self.read(key))
    var clients = ClientVerification.none
    if let clientAuthorities {
      let authorities = try Self.read(clientAuthorities)
      clients =
        requiresClientCertificate
        ? .require(authorities: authorities) : .request(authorities: authorities)
    }
    do {
      return try TLSContext(server: .init(credentials: credentials, clients: clients))
    } catch {
      throw .unusable(paths: paths, error)
    }
  }

  static func read(_ path: String) throws(TLSFileError) -> [UInt8] {
    guard let bytes = SmallFile.read(path: path, byteCountMax: byteCountMax) else {
      throw .unreadable(path: path)
    }
    guard bytes.count <= byteCountMax else { throw .tooLong(path: path) }
    return bytes
  }
}

/// Files of TLS can't be used. Nothing of a key is in its text.
package enum TLSFileError: Error, Hashable, Sendable, CustomStringConvertible {
  case unreadable(path: String)
  case tooLong(path: String)
  /// What one of `paths` holds can't be used.
  case unusable(paths: [String], TLSError)
  /// The certificate's time is over; `expiry` is in seconds since 1970.
  case expired(path: String, expiry: Int64)

  package var description: String {
    switch self {
    case .unreadable(let path): "\(path) can't be read."
    case .tooLong(let path): "\(path) is longer than \(TLSFiles.byteCountMax) bytes."
    case .unusable(let paths, let error): "\(error) (\(paths.joined(separator: ", ")))"
    case .expired(let path, let expiry):
      "The certificate in \(path) has expired, \(expiry) seconds after 1970-01-01."
    }
  }
}
