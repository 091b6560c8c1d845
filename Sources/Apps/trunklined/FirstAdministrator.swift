internal import Access
internal import Crypto
internal import EventLoops
internal import Registry
internal import Telemetry

/// The first administrator's token: made at the deployment's first start, and shown once.
///
/// It is written down or printed before it counts, for a token that nobody has would lock everybody
/// out.
enum FirstAdministrator {
  /// Makes the token if there is none yet, or if another one was asked for.
  static func make(
    _ tokens: Tokens, _ configuration: AccessConfiguration, _ log: Logger
  ) async throws(ServeError) {
    do throws(RegistryError) {
      let isFirst = try await tokens.isFirstStart()
      guard isFirst || configuration.makesAdministrator else { return }
      let text = tokens.makeText()
      if let path = configuration.adminTokenPath {
        try await make(tokens, text, isFirst, path, log)
      } else {
        try await print(tokens, text, isFirst)
      }
      if !isFirst {
        log.warning(
          "another administrator's token was made; take the flag away before the next start",
          [
            "flag": .text("--new-admin-token"),
            "lifetime": .text("\(AccessLimits.extraAdministratorLifetime)"),
          ])
      }
    } catch {
      throw .administrator("\(error)")
    }
  }

  private static func print(
    _ tokens: Tokens, _ text: TokenText, _ isFirst: Bool
  ) async throws(RegistryError) {
    _ = StandardOutput.write(
      "The \(isFirst ? "first " : "")administrator's token, shown this once. "
        + "It counts when the server serves:\n\(text.revealed)\n")
    guard try await !tokens.makeAdministrator(text, isFirst: isFirst) else { return }
    _ = StandardOutput.write("Another server has made it already: the token above is of no use.\n")
  }

  private static func make(
    _ tokens: Tokens, _ text: TokenText, _ isFirst: Bool, _ path: String, _ log: Logger
  ) async throws(RegistryError) {
    let file: PendingFile
    do throws(ProtectedFile.Failure) {
      file = try PendingFile(
        Array((text.revealed + "\n").utf8), for: path, name: "\(text.id)")
    } catch {
      throw .internalError("\(path): \(error)")
    }
    guard try await counts(tokens, text, isFirst, file) else { return file.discard() }
    do throws(ProtectedFile.Failure) {
      try file.keep()
    } catch {
      throw .internalError("The token is in \(file.path), and can't be moved: \(error)")
    }
    log.info("an administrator's token was written", ["file": .text(path)])
  }

  /// Whether the token was made, and not another server's; leaves the file there while that is not
  /// known.
  private static func counts(
    _ tokens: Tokens, _ text: TokenText, _ isFirst: Bool, _ file: PendingFile
  ) async throws(RegistryError) -> Bool {
    do throws(RegistryError) {
      return try await tokens.makeAdministrator(text, isFirst: isFirst)
    } catch {
      // The answer to its commit may have been lost.
      let found: TokenGrant?
      do {
        found = try await tokens.grant(text.id)
      } catch {
        throw .internalError("Whether the token in \(file.path) counts is not known.")
      }
      if found != nil { return true }
      file.discard()
      throw error
    }
  }
}
