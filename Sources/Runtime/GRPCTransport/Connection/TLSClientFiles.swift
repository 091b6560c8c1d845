package import TLS

/// What a client speaks TLS with, in PEM.
package struct TLSClientFiles: Hashable, Sendable {
  /// Whose servers are trusted; the system's list of authorities without it.
  package var authorities: String?
  /// Shown to servers that ask for a certificate, with its key.
  package var certificate: String?
  package var key: String?

  package init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
    self.authorities = authorities
    self.certificate = certificate
    self.key = key
  }

  /// Makes a client's context from what the files hold now. Blocks: not for a loop's thread.
  package func load() throws(TLSFileError) -> TLSContext {
    var configuration = TLSClientConfiguration()
    if let authorities { configuration.trust = .authorities(try TLSFiles.read(authorities)) }
    if let certificate, let key {
      configuration.credentials = TLSCredentials(
        certificateChain: try TLSFiles.read(certificate), privateKey: try TLSFiles.read(key))
    }
    do {
      return try TLSContext(client: configuration)
    } catch {
      throw .unusable(paths: [authorities, certificate, key].compactMap { $0 }, error)
    }
  }
}
