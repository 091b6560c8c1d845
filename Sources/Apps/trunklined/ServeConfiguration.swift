internal import CommandLine
internal import GRPCTransport
internal import Registry
internal import StorePostgres
internal import Telemetry
internal import Telephony
internal import Twilio

/// What `trunklined serve` was told to be.
struct ServeConfiguration: Sendable {
  enum Role: Sendable, Hashable {
    case registry
    case dispatch
  }

  var roles: Set<Role>
  /// Whose calls this process handles.
  var regions: Set<Region>
  var listen: HostPort
  var webhookListen: HostPort
  var adminListen: HostPort
  /// What carriers call, per region, without a slash at the end.
  var publicURLs: [Region: String]
  var dataFolder: String
  /// Where the data is kept; nil: SQLite in the data folder.
  var database: PostgresTarget?
  /// How long calls that are over are kept.
  var callRetention: Retention
  /// How long entries of the audit log are kept.
  var auditRetention: Retention
  /// How long both regions answer after a number was moved.
  var moveOverlap: Duration
  /// How long a number may still come to be bought after the answer was lost.
  var purchaseSettling: Duration
  /// The operator's account for others' numbers.
  var platform: PlatformAccount?
  /// Between two looks at what the carriers have of all numbers; zero: there are none.
  var sweepInterval: Duration
  /// How long what PromoteCredential replaced can be rolled back.
  var credentialWindow: Duration
  /// Of a dispatch in a process of its own: where its registry is.
  var registry: HostPort?
  var keyring: KeyringPlace
  /// What would not be safe is accepted.
  var isInsecure: Bool
  /// What gRPC is served with; `nil` in plaintext.
  var tls: TLSFiles?
  /// Who may call.
  var access: AccessConfiguration
  /// The bounds of the gRPC server.
  var grpc: ServerConfiguration
  /// Where spans go.
  var collector: HostPort?
  /// The share of calls without a trace that become spans.
  var traceRatio: Double
  /// Whether those with one do because their caller says so.
  var traceParents: ParentTrust
  var logLevel: LogLevel
  /// Which calls have a line in the log.
  var accessLogSelection: AccessLogConfiguration.Selection
  /// A unary call that took longer has a line, too.
  var slowCallMin: Duration
  /// Whether who may call the service may see who is connected.
  var servesChannelz: Bool
  var drainTimeout: Duration
  /// Stand in for the carrier's hosts, in tests.
  var twilioEndpoints: [Region: String]
  /// How many event loops serve gRPC.
  var loopCount: Int?
  /// For how long a loop stays awake after its last work.
  var busyPoll: Duration
}

extension ServeConfiguration {
  /// Reads the options, and refuses what does not fit together.
  init(_ arguments: Arguments) throws(ArgumentError) {
    roles = Set(try arguments.value(ServeOptions.roles))
    regions = Set(try arguments.value(ServeOptions.regions))
    guard !roles.isEmpty, !regions.isEmpty else {
      throw .conflict("--roles and --region need at least one value.")
    }
    let isDispatchAlone = roles == [.dispatch]
    listen =
      try arguments.value(ServeOptions.listen)
      ?? HostPort(host: "127.0.0.1", port: isDispatchAlone ? 50052 : 50051)
    webhookListen = try arguments.value(ServeOptions.webhookListen)
    adminListen = try arguments.value(ServeOptions.adminListen)
    publicURLs = try arguments.value(ServeOptions.publicURLs)
    dataFolder = try arguments.value(ServeOptions.dataFolder)
    database = try arguments.value(ServeOptions.database)
    callRetention = try arguments.value(ServeOptions.callRetention)
    auditRetention = try arguments.value(ServeOptions.auditRetention)
    platform = try PlatformAccount(arguments)
    purchaseSettling = try arguments.value(ServeOptions.purchaseSettling)
    moveOverlap = try arguments.value(ServeOptions.moveOverlap)
    sweepInterval = try arguments.value(ServeOptions.sweepInterval)
    credentialWindow = try arguments.value(ServeOptions.credentialWindow)
    registry = try arguments.value(ServeOptions.registry)
    keyring = try KeyringPlace(arguments)
    tls = try Self.tls(arguments)
    access = try AccessConfiguration(arguments)
    grpc = try Self.grpc(arguments)
    collector = try arguments.value(ServeOptions.otlp)
    traceRatio = try arguments.value(ServeOptions.traceRatio)
    traceParents = try arguments.value(ServeOptions.traceParents)
    logLevel = try arguments.value(ServeOptions.logLevel)
    accessLogSelection = try arguments.value(ServeOptions.accessLog)
    slowCallMin = try arguments.value(ServeOptions.slowCall)
    servesChannelz = try arguments.value(ServeOptions.channelz)
    drainTimeout = try arguments.value(ServeOptions.drainTimeout)
    twilioEndpoints = try arguments.value(ServeOptions.twilioEndpoints)
    loopCount = try arguments.value(ServeOptions.loopCount)
    busyPoll = .microseconds(try arguments.value(ServeOptions.busyPoll))
    if isDispatchAlone && registry == nil {
      throw .conflict("A dispatch alone needs --registry HOST:PORT.")
    }
    if !isDispatchAlone && registry != nil {
      throw .conflict("--registry is for a dispatch alone: --roles dispatch.")
    }
    isInsecure = try arguments.value(ServeOptions.isInsecure)
    if !listen.isLoopback && !access.isOn && !isInsecure {
      throw .conflict(
        "--listen \(listen) can be reached by others, and with --auth off all of them are the "
          + "operator. Leave it out, listen on 127.0.0.1, or accept it with --insecure.")
    }
    if !listen.isLoopback && tls == nil && !isInsecure {
      throw .conflict(
        "--listen \(listen) can be reached by others, and gRPC is served without TLS. "
          + "Give --tls-cert and --tls-key, listen on 127.0.0.1, or accept it with --insecure.")
    }
  }

  private static func grpc(_ arguments: Arguments) throws(ArgumentError) -> ServerConfiguration {
    var configuration = ServerConfiguration.defaults
    for assignment in try arguments.value(ServeOptions.grpcSettings) {
      do throws(ServerSettingError) {
        try ServerSetting.apply(assignment, to: &configuration)
      } catch {
        throw .conflict("--grpc-setting \(assignment): \(error)")
      }
    }
    if arguments.isGiven(ServeOptions.corsOrigins) {
      configuration.corsOrigins = try arguments.value(ServeOptions.corsOrigins)
    }
    return configuration
  }

  private static func tls(_ arguments: Arguments) throws(ArgumentError) -> TLSFiles? {
    let certificate = try arguments.value(ServeOptions.tlsCertificate)
    let key = try arguments.value(ServeOptions.tlsKey)
    let authorities = try arguments.value(ServeOptions.tlsClientAuthorities)
    if let certificate, let key {
      return TLSFiles(certificate: certificate, key: key, clientAuthorities: authorities)
    }
    guard certificate == nil, key == nil, authorities == nil else {
      throw .conflict("TLS needs both --tls-cert and --tls-key.")
    }
    return nil
  }
}

extension ServeConfiguration {
  /// The log of calls, into `log`.
  func accessLog(_ log: Logger) -> AccessLogConfiguration {
    AccessLogConfiguration(
      logger: log, selection: accessLogSelection, slowCallMin: slowCallMin)
  }

  /// Where Twilio is asked.
  var endpoints: TwilioEndpoints {
    guard !twilioEndpoints.isEmpty else { return .twilio }
    let text = twilioEndpoints.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    guard let endpoints = TwilioEndpoints(parsing: text) else {
      preconditionFailure("--twilio-endpoints was checked when it was read")
    }
    return endpoints
  }
}
