internal import Access
internal import EventLoops
internal import GRPC
internal import Registry
internal import Services
internal import Telemetry

/// How this process finds out who calls: made from the configuration before it listens.
struct Authentication: Sendable {
  let authenticator: CallAuthenticator
  private let parts: ServerParts
  private let identities: FileSignature?

  /// `services` are those of the contract; the roles are this process's.
  init(
    _ parts: ServerParts, _ services: [any Service], registry: RegistryRole?,
    dispatch: DispatchRole?
  ) throws(ServeError) {
    let access = parts.configuration.access
    var lookUp: CallAuthenticator.LookUp?
    if let tokens = registry?.tokens {
      lookUp = { (id: APITokenID) async throws -> TokenGrant? in try await tokens.grant(id) }
    } else if let tokens = dispatch?.tokens {
      lookUp = { (id: APITokenID) async throws -> TokenGrant? in try await tokens.grant(id) }
    }
    let uses = registry?.tokenUses ?? dispatch?.tokenUses
    authenticator = CallAuthenticator(
      rules: AccessRules(services, open: access.publicServices), directory: parts.directory,
      hasher: SHA256TokenHasher(), time: parts.time,
      configuration: .init(admitsAnonymous: !access.isOn, callRateMax: access.callRateMax),
      lookUp: lookUp, onUse: { grant, time in uses?.note(grant, time) })
    self.parts = parts
    if let path = access.identitiesPath {
      identities = FileSignature(path: path)
      let content = FileWatch.read(path, byteCountMax: AccessLimits.identityFileSizeMax)
      switch Self.table(content) {
      case .success(let table): authenticator.use(table)
      case .failure(let problem): throw .identities(path: path, problem.text)
      }
    } else {
      identities = nil
    }
    if !access.isOn {
      parts.log.warning(
        "callers need not say who they are: whoever reaches the server is its operator",
        ["flag": .text("--auth off")])
    }
  }

  private struct Problem: Error { let text: String }

  private static func table(_ content: [UInt8]?) -> Result<IdentityTable, Problem> {
    guard let content else {
      return .failure(
        Problem(
          text: "it can't be read, or is longer than \(AccessLimits.identityFileSizeMax) bytes"))
    }
    guard let text = String(validating: content, as: UTF8.self) else {
      return .failure(Problem(text: "it is not UTF-8 text"))
    }
    do throws(IdentityTableError) {
      return .success(try IdentityTable(parsing: text))
    } catch {
      return .failure(Problem(text: "\(error)"))
    }
  }

  /// Reads the identities anew when their file changes. Call it on the first loop.
  func watchIdentities() {
    guard let path = parts.configuration.access.identitiesPath else { return }
    let (authenticator, log) = (authenticator, parts.log)
    _ = FileWatch(
      path: path, byteCountMax: AccessLimits.identityFileSizeMax, since: identities,
      loop: parts.loops[0]
    ) { content in
      switch Self.table(content) {
      case .success(let table):
        authenticator.use(table)
        log.info("the identities were reloaded", ["count": .integer(Int64(table.count))])
      case .failure(let problem):
        log.error(
          "the identities' file changed and can't be used; those before stay",
          ["problem": .text(problem.text)])
      }
    }
  }
}
