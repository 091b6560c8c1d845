internal import Access
internal import Crypto
internal import EventLoops
internal import Registry
internal import Telemetry
internal import Telephony

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
      let newest = try await tokens.newest()
      let path = configuration.adminTokenPath
      if let path, let newest, try keepLeft(newest, path, log) { return }
      guard newest == nil || configuration.makesAdministrator else { return }
      guard let path else { return try await print(tokens, newest, log) }
      if newest != nil, try await isGood(path, tokens) {
        log.warning(
          "the file has a good administrator's token: none was made; take the flag away",
          ["flag": .text("--new-admin-token"), "file": .text(path)])
      } else {
        try await write(tokens, newest, path, log)
      }
    } catch {
      throw .administrator("\(error)")
    }
  }

  private static func print(
    _ tokens: Tokens, _ newest: APITokenID?, _ log: Logger
  ) async throws(RegistryError) {
    let text = tokens.makeText()
    _ = StandardOutput.write(
      "The \(newest == nil ? "first " : "")administrator's token, shown this once. "
        + "It counts when the server serves:\n\(text.revealed)\n")
    guard try await tokens.makeAdministrator(text, after: newest) else {
      _ = StandardOutput.write(
        "Another server has made it already: the token above is of no use.\n")
      return
    }
    if newest != nil { warnOfFlag(log) }
  }

  private static func write(
    _ tokens: Tokens, _ newest: APITokenID?, _ path: String, _ log: Logger
  ) async throws(RegistryError) {
    let text = tokens.makeText()
    let file: PendingFile
    do throws(ProtectedFile.Failure) {
      file = try PendingFile(
        Array((text.revealed + "\n").utf8), for: path, name: "\(text.id)")
    } catch {
      throw .internalError("\(path): \(error)")
    }
    guard try await counts(tokens, text, newest, file) else {
      file.discard()
      log.info("another server has made the administrator's token", [:])
      return
    }
    try keep(file, path, log)
    if newest != nil { warnOfFlag(log) }
  }

  private static func keep(
    _ file: PendingFile, _ path: String, _ log: Logger
  ) throws(RegistryError) {
    do throws(ProtectedFile.Failure) {
      try file.keep()
    } catch {
      throw .internalError("The token is in \(file.path), and can't be moved: \(error)")
    }
    log.info("an administrator's token was written", ["file": .text(path)])
  }

  private static func warnOfFlag(_ log: Logger) {
    log.warning(
      "another administrator's token was made; take the flag away before the next start",
      [
        "flag": .text("--new-admin-token"),
        "lifetime": .text("\(AccessLimits.extraAdministratorLifetime)"),
      ])
  }

  /// Gives the newest token's file its place, where the server that made it died before that or is
  /// about to do it; answers whether there is such a file.
  private static func keepLeft(
    _ newest: APITokenID, _ path: String, _ log: Logger
  ) throws(RegistryError) -> Bool {
    guard let file = PendingFile(leftFor: path, name: "\(newest)") else { return false }
    try keep(file, path, log)
    return true
  }

  /// Whether the file has a token that makes an administrator: another server on the same volume
  /// may just have written it.
  private static func isGood(
    _ path: String, _ tokens: Tokens
  ) async throws(RegistryError) -> Bool {
    guard let bytes = try? ProtectedFile.read(path, limit: TokenText.length + 1),
      let text = try? TokenText(
        parsing: String(decoding: bytes.prefix(TokenText.length), as: UTF8.self))
    else { return false }
    return try await tokens.isAdministrator(text)
  }

  /// Whether the token was made, and not another server's; leaves the file there while that is not
  /// known.
  private static func counts(
    _ tokens: Tokens, _ text: TokenText, _ newest: APITokenID?, _ file: PendingFile
  ) async throws(RegistryError) -> Bool {
    do throws(RegistryError) {
      return try await tokens.makeAdministrator(text, after: newest)
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
