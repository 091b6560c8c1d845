internal import Access
internal import Crypto
internal import EventLoops
internal import FoundationEssentials
internal import Registry
internal import Telemetry

/// The first administrator's token: made at the deployment's first start, and shown once.
enum FirstAdministrator {
  /// Makes the token if there is none yet, or if another one was asked for.
  static func make(
    _ tokens: Tokens, _ configuration: AccessConfiguration, _ log: Logger
  ) async throws(ServeError) {
    do throws(RegistryError) {
      let isFirst = try await tokens.isFirstStart()
      guard isFirst || configuration.makesAdministrator else { return }
      let text = tokens.makeText()
      // It is kept before it counts: a token that nobody has would lock everybody out.
      if let path = configuration.adminTokenPath { try write(text, to: path) }
      guard try await tokens.makeAdministrator(text, isFirst: isFirst) else {
        if let path = configuration.adminTokenPath {
          try? FileManager.default.removeItem(atPath: path)
        }
        return
      }
      if let path = configuration.adminTokenPath {
        log.info("an administrator's token was written", ["file": .text(path)])
      } else {
        _ = StandardOutput.write(
          "The \(isFirst ? "first " : "")administrator's token, shown this once:\n"
            + "\(text.revealed)\n")
      }
    } catch {
      throw .administrator("\(error)")
    }
  }

  private static func write(_ text: TokenText, to path: String) throws(RegistryError) {
    do throws(ProtectedFile.Failure) {
      try ProtectedFile.replace(path, Array((text.revealed + "\n").utf8))
    } catch {
      throw .internalError("\(path): \(error)")
    }
  }
}
