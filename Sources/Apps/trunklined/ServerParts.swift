internal import Access
internal import CommandLine
internal import Crypto
internal import EventLoops
internal import GRPC
internal import GRPCInProcess
internal import GRPCServices
internal import GRPCTransport
internal import Glibc
internal import HTTPClient
internal import HTTPServer
internal import Keyring
internal import Services
internal import Synchronization
internal import Telemetry
internal import Telephony
internal import Twilio

/// What both roles stand on, made from the configuration. Everything is made here and handed down.
final class ServerParts: Sendable {
  let configuration: ServeConfiguration
  let log: Logger
  let loops: [EventLoop]
  let time: SystemTime
  let keyring: LiveKeyring
  let reload: KeyringReload
  let sealer: KeyringSealer
  let tokens: KeyringWebhookTokens
  let stores: Stores
  let client: WebClient
  let endpoints: TwilioEndpoints
  /// The tokens that calls are authenticated with.
  let directory: TokenDirectory
  /// The data folder is this process's alone.
  private let lock: FolderLock
  /// What ended the serving, if it was not a signal from outside.
  private let failure = Mutex<ServeError?>(nil)

  init(
    _ configuration: ServeConfiguration, loops: [EventLoop], log: Logger
  ) async throws(ServeError) {
    self.configuration = configuration
    self.loops = loops
    self.log = log
    time = SystemTime(loop: loops[0])
    // A dispatch of its own holds all tokens; a registry looks up what it does not hold.
    directory = TokenDirectory(
      capacity: configuration.registry == nil
        ? AccessLimits.directoryTokensMax : AccessLimits.dispatchTokensMax)
    do throws(ProtectedFile.Failure) {
      lock = try FolderLock(folder: configuration.dataFolder)
    } catch .exists {
      throw .dataFolderInUse(path: configuration.dataFolder)
    } catch {
      throw .dataFolder(path: configuration.dataFolder, reason: error.description)
    }
    let place = configuration.keyring
    var signature = place.file.flatMap { FileSignature(path: $0) }
    do throws(KeyringFile.Failure) {
      keyring = LiveKeyring(try place.loadOrCreate())
    } catch {
      throw .keyring(place, error)
    }
    // A file that was not there is our own.
    signature = signature ?? place.file.flatMap { FileSignature(path: $0) }
    if let failure = LockedBytes.lockFailure {
      log.warning(
        "keys may be swapped out: raise the limit of locked memory (ulimit -l)",
        ["error": .text(failure.description)])
    }
    reload = KeyringReload(place, keyring, since: signature, log: log)
    sealer = KeyringSealer(keyring)
    tokens = KeyringWebhookTokens(keyring)
    stores = Stores(configuration, loop: loops[0], log: log)
    client = WebClient(loop: loops[0])
    endpoints = configuration.endpoints
  }

  /// Serves until a signal comes, then stops in good order.
  func serve() async throws(ServeError) {
    do throws(ServeError) {
      try await serveOnStores()
    } catch {
      await stores.close()
      throw error
    }
    await stores.close()
  }

  private func serveOnStores() async throws(ServeError) {
    var services: [any Service] = []
    let registry =
      configuration.roles.contains(.registry) ? try await RegistryRole(self) : nil
    if let registry {
      services += registry.services
      if configuration.access.isOn {
        try await FirstAdministrator.make(registry.tokens, configuration.access, log)
      }
    }
    let channel = try registryChannel(registry)
    let dispatch =
      configuration.roles.contains(.dispatch)
      ? try await DispatchRole(self, registry: channel.channel) : nil
    if let dispatch { services += dispatch.services }
    try await serve(services, registry: registry, dispatch: dispatch, channel)
    await channel.remote?.close()
    await client.close()
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  /// Stops in good order, as a signal does, and ends with `error`. For what was found out after the
  /// start and can't be mended by waiting.
  func stop(since error: ServeError) {
    log.error("can't go on serving", ["error": LogValue(error)])
    failure.withLock { $0 = $0 ?? error }
    _ = kill(getpid(), SIGTERM)
  }

  /// A registry that restarts is found again within seconds. One that vanished is noticed by a
  /// ping: the watch has a heartbeat every 10 s. Leases and look-ups change nothing, so they are
  /// asked for again; the watch is opened again by who follows it, after a pause of its own.
  private static let registryConfiguration = {
    var configuration = ClientConfiguration.defaults
    configuration.backOff.max = .seconds(5)
    configuration.keepalive = KeepaliveConfiguration(time: .seconds(30), timeout: .seconds(10))
    for method in ["LeaseCredential", "LookUpToken"] {
      configuration.serviceConfig.methods["/trunkline.internal.v1.RouteService/\(method)"] =
        ServiceConfig.Method(retryPolicy: RetryPolicy())
    }
    return configuration
  }()

  /// A channel to the registry; over the network also what ends it, and the token that it shows.
  private typealias RegistryChannel = (
    channel: any Channel, remote: GRPCChannel?, token: RegistryToken?
  )

  /// How the dispatch reaches the registry: in memory, or over the network.
  private func registryChannel(
    _ registry: RegistryRole?
  ) throws(ServeError) -> RegistryChannel {
    guard let address = configuration.registry else {
      let router = Router(services: registry?.internalServices ?? [])
      return (InProcessChannel(router: router), nil, nil)
    }
    var settings = Self.registryConfiguration
    if let files = configuration.access.registryTLS {
      do throws(TLSFileError) {
        settings.tls = try files.load()
      } catch {
        throw .tls(error.description)
      }
    }
    let remote = GRPCChannel(
      host: address.host, port: address.port, loop: loops[0], configuration: settings)
    guard let path = configuration.access.registryTokenPath else { return (remote, remote, nil) }
    let token = try RegistryToken(path: path, log: log)
    return (AuthorizedChannel(remote) { token.present }, remote, token)
  }

  private func serve(
    _ services: [any Service], registry: RegistryRole?, dispatch: DispatchRole?,
    _ channel: RegistryChannel
  ) async throws(ServeError) {
    let authentication = try Authentication(
      self, services, registry: registry, dispatch: dispatch)
    let health = HealthService(serving: services.map { type(of: $0).name })
    let introspection = configuration.servesChannelz ? IntrospectionRegistry() : nil
    let router = Router.standard(
      services: services, health: health, interceptors: [StoreDeadline()],
      admission: authentication.authenticator,
      introspection: introspection)
    let tls = try tlsSource()
    let tracing = configuration.collector.map { SpanExport(to: $0, on: loops[0], log) }
    let server = GRPCServer(
      router: router, configuration: configuration.grpc, loops: loops,
      observation: ServerObservation(
        accessLog: configuration.accessLog(log), tracing: tracing?.tracing(configuration),
        logger: log))
    introspection?.add(server)
    let address = try await listen(server, tls)
    let metrics = MetricRegistry()
    if let tls { metrics.addCertificateExpiry(of: tls) }
    metrics.add { await server.metrics() }
    metrics.add { ProcessMetrics.read() }
    if let registry { metrics.add { registry.metrics() } }
    // What this process itself calls: the registry, the collector.
    for channel in [channel.remote, tracing?.channel].compactMap(\.self) {
      introspection?.add(channel)
      metrics.add { await channel.metrics() }
    }
    let admin = try AdminListener(self, metrics: metrics)
    await withTaskGroup(of: Void.self) { group in
      if let registry { group.addTask { await registry.run() } }
      if let dispatch { group.addTask { await dispatch.run() } }
      if let tracing { group.addTask { await tracing.run() } }
      group.addTask { await self.followKeyring(registry, dispatch) }
      admin.isReady = true
      log.info(
        "serving",
        [
          "grpc": .text(address), "admin": .text(admin.address),
          "webhooks": .text(dispatch?.webhookAddress ?? ""),
        ])
      await signalled(watching: tls) {
        authentication.watchIdentities()
        self.reload.watch(on: self.loops[0])
        channel.token?.watch(on: self.loops[0])
      }
      log.info("stopping")
      admin.isReady = false
      health.shutDown()
      registry?.endWatches()
      authentication.authenticator.endStreams()
      let outcome = await server.shutdown(within: configuration.drainTimeout)
      guard outcome.mayStopLoops else {
        // What waits for that loop would wait for ever. What is stored is whole, as after a kill.
        log.error("ending at once: a handler keeps an event loop's thread")
        exit(70)
      }
      await dispatch?.stop()
      await registry?.stop()
      // What goes on now stops at its next safe point; it is resumed by the next start.
      group.cancelAll()
    }
    await tracing?.stop()
    await admin.stop()
  }

  /// Takes each keyring that fits, until the calling task is cancelled.
  private func followKeyring(_ registry: RegistryRole?, _ dispatch: DispatchRole?) async {
    await reload.run { next in
      guard let registry else { return [] }
      return await registry.sealProblems(next)
    } isUsed: {
      await dispatch?.resealCopy()
    }
  }

  /// What TLS is spoken with; `nil` in plaintext.
  private func tlsSource() throws(ServeError) -> TLSContextSource? {
    guard let files = configuration.tls else { return nil }
    do throws(TLSFileError) {
      return try TLSContextSource(files)
    } catch {
      throw .tls(error.description)
    }
  }

  private func listen(
    _ server: GRPCServer, _ tls: TLSContextSource?
  ) async throws(ServeError) -> String {
    let wanted = configuration.listen
    let host = wanted.host == "localhost" ? "127.0.0.1" : wanted.host
    guard let address = SocketAddress(literal: host, port: wanted.port) else {
      throw .address(wanted.description)
    }
    do throws(EventLoopError) {
      let bound = try await server.listen(at: address, tls: tls)
      return bound.description
    } catch {
      throw .listen(wanted.description, error.description)
    }
  }

  /// Reads the certificate anew when its files change, until the process ends.
  private func watchCertificate(_ tls: TLSContextSource?) {
    guard let tls, let files = configuration.tls else { return }
    let log = log
    _ = CertificateWatch(files, tls, loop: loops[0]) { outcome in
      switch outcome {
      case .reloaded: log.info("the certificate was reloaded")
      case .failed(let error):
        log.error(
          "the certificate's files changed and can't be used; the one before stays",
          ["error": .text(error.description)])
      }
    }
  }

  /// Returns when SIGTERM or SIGINT comes; looks after the certificate meanwhile.
  private func signalled(
    watching tls: TLSContextSource?, _ watchMore: @escaping @Sendable () -> Void
  ) async {
    let loop = loops[0]
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      loop.execute {
        self.watchCertificate(tls)
        watchMore()
        var waiting: CheckedContinuation<Void, Never>? = continuation
        for signal in [SIGTERM, SIGINT] {
          _ = try? loop.watch(signal: signal) {
            waiting?.resume()
            waiting = nil
          }
        }
      }
    }
  }
}
