internal import Access
internal import CallDispatch
internal import CommandLine
internal import GRPC
internal import HTTPServer
internal import Keyring
internal import NumberPlan
internal import Services
internal import StoreSQL
internal import StoreSQLite
internal import Telemetry
internal import Telephony
internal import Twilio

/// The call dispatch of this process: its store, its webhooks and what it serves.
final class DispatchRole: Sendable {
  let services: [any Service]
  /// Of a dispatch of its own: what looks tokens up that the routes' feed has not brought.
  let tokens: RegistryTokenSource?
  /// Where a token's use is told; the registry hears of it by ``run()``.
  let tokenUses = TokenUses()
  /// Where webhooks are taken.
  let webhookAddress: String
  private let dispatcher: CallDispatcher
  private let source: RegistryRouteSource
  private let credentials: RegistryCredentialSource
  private let stagedUses = StagedUses()
  private let auditLog: RegistryAuditSink
  private let copy: SealedRouteCopy?
  private let listener: WebServer
  private let parts: ServerParts

  /// The file of the routes' copy in the data folder.
  private static let copyFileName = "routes.db"
  /// How long a webhook's handler may go on when the server stops.
  private static let webhookGrace: Duration = .seconds(5)

  init(_ parts: ServerParts, registry: any Channel) async throws(ServeError) {
    let configuration = parts.configuration
    let store = try await parts.stores.calls(of: configuration.regions)
    self.parts = parts
    let log = parts.log.with(["role": "dispatch"])
    let copy = await Self.routeCopy(parts, log)
    self.copy = copy
    credentials = RegistryCredentialSource(
      channel: registry, regions: configuration.regions, sealer: parts.sealer, time: parts.time,
      copy: copy)
    source = RegistryRouteSource(
      channel: registry, regions: configuration.regions, credentials: credentials,
      sealer: parts.sealer, copy: copy)
    auditLog = RegistryAuditSink(channel: registry)
    // A registry in this process keeps the tokens itself.
    let isAlone = configuration.registry != nil
    tokens = isAlone ? RegistryTokenSource(channel: registry) : nil
    let routes = RouteDirectory(tokens: isAlone ? parts.directory : nil)
    if let copy, await copy.load(into: routes, credentials) {
      log.info(
        "routes of the earlier run are in use",
        [
          "numbers": .integer(Int64(routes.numberCount)),
          "tokens": .integer(Int64(parts.directory.count)),
        ])
    }
    dispatcher = CallDispatcher(
      ports: .init(
        store: store,
        carrier: TwilioCalls(client: parts.client, endpoints: parts.endpoints, time: parts.time),
        credentials: credentials, tokens: parts.tokens,
        tokenKey: KeyringTokenKey(parts.keyring), signer: TwilioWebhookSigner(),
        numberPlan: LibPhoneNumberPlan(), time: parts.time, ids: SystemIDSource(),
        uses: stagedUses),
      configuration: .init(
        regions: configuration.regions, publicURLs: PublicURLs(configuration.publicURLs),
        isShared: parts.stores.isShared, callRetention: configuration.callRetention.period),
      routes: routes)
    services = [CallDispatchServiceHandler(dispatcher)]
    let webhooks = WebhookHandler(
      dispatcher: dispatcher, publicURLs: configuration.publicURLs,
      reachability: KeyringReachability(parts.keyring), sealer: parts.sealer, log: log)
    let wanted = configuration.webhookListen
    do throws(HTTPServerError) {
      listener = try WebServer(
        loop: parts.loops[0], host: wanted.host, port: wanted.port
      ) { request in await webhooks.answer(request) }
    } catch {
      throw .listen(wanted.description, "\(error)")
    }
    webhookAddress = "\(wanted.host):\(listener.port)"
    await dispatcher.begin()
  }

  /// The copy of the routes. One that can't be opened is done without: the registry has them all.
  private static func routeCopy(_ parts: ServerParts, _ log: Logger) async -> SealedRouteCopy? {
    let path = "\(parts.configuration.dataFolder)/\(copyFileName)"
    do throws(SQLiteMigrations.Failure) {
      let store = try await parts.stores.routeCopy(at: path)
      // One region's file is no use to another region's dispatch.
      let sealer = KeyringSealer(parts.keyring, regions: parts.configuration.regions)
      return SealedRouteCopy(store: store, sealer: sealer, secrets: parts.sealer, log: log)
    } catch {
      log.error(
        "the copy of the routes can't be opened: a restart without the registry answers no call; "
          + "remove the file to have it made anew",
        ["file": .text(path), "error": .text("\(error)")])
      return nil
    }
  }

  /// Follows the routes and does the calls' work until ``stop()``; cancellation ends it sooner.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.openStore() }
      group.addTask { await self.dispatcher.routes.follow(self.source, time: self.parts.time) }
      group.addTask { await self.resealCopy() }
      group.addTask { await self.credentials.keepReady(self.dispatcher.routes) }
      group.addTask { await self.tellUses() }
      group.addTask {
        await self.stagedUses.run(self.parts.time) { await self.credentials.tell($0) }
      }
      group.addTask { await self.dispatcher.tellAudit(to: self.auditLog) }
      group.addTask { await self.dispatcher.forgetOldCalls() }
      await dispatcher.run()
      group.cancelAll()
    }
  }

  /// A use that can't be told is forgotten: the next one is told a minute later.
  private func tellUses() async {
    guard let tokens else { return }
    await tokenUses.follow { grant, time in try? await tokens.noteUse(of: grant, at: time) }
  }

  /// Seals the copy of the routes under the keyring's present key.
  func resealCopy() async { await copy?.reseal(dispatcher.routes) }

  /// Reaches the database that could not be reached at the start.
  private func openStore() async {
    do throws(ServeError) {
      try await parts.stores.openCalls(time: parts.time)
    } catch {
      parts.stop(since: error)
    }
  }

  /// Takes no new work; ``run()`` then returns when the work in flight is done.
  func stop() async {
    await listener.stop(gracePeriod: Self.webhookGrace)
    dispatcher.beginGracefulShutdown()
  }
}
