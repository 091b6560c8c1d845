internal import CallDispatch
internal import CommandLine
internal import GRPCTransport
internal import Registry
internal import StorePostgres
internal import Telemetry
internal import Telephony

/// The options of `serve`; the help lists them in this order.
enum ServeOptions {
  static let roles = Option.list(
    "roles",
    .choice(["registry": ServeConfiguration.Role.registry, "dispatch": .dispatch]),
    default: "registry,dispatch",
    "What this process is. Both in one process need no other server.")
  static let regions = Option.list(
    "region", .choice(["us1": Region.us1, "ie1": .ie1, "au1": .au1]), default: "us1,ie1,au1",
    "The regions whose calls this process handles.")
  static let listen = Option.optional(
    "listen", .address,
    "Where gRPC is served. Default: 127.0.0.1:50051, or 127.0.0.1:50052 for a dispatch alone.")
  static let webhookListen = Option.value(
    "webhook-listen", .address, default: "127.0.0.1:8080",
    "Where the carriers' webhooks are served (HTTP/1.1), by a dispatch.")
  static let adminListen = Option.value(
    "admin-listen", .address, default: "127.0.0.1:9090",
    "Where /livez, /readyz and /metrics are served (HTTP/1.1).")
  static let publicURLs = Option.map(
    "public-url", .choice(["us1": Region.us1, "ie1": .ie1, "au1": .au1]), .webURL, commas: true,
    "What carriers call, per region. A region without one can't take calls.")
  static let dataFolder = Option.value(
    "data-dir", .text("FOLDER"), default: "trunkline-data",
    "Where the database and the keyring lie; made if it is not there.")
  static let database = Option.optional(
    "database", .database,
    "The PostgreSQL that registry and dispatch keep their data in: "
      + "postgres://user:password@host,host2/name?sslmode=verify-full. Without it they use SQLite "
      + "in the data folder. TRUNKLINE_DATABASE keeps the password out of the process list.")
  static let callRetention = Option.value(
    "call-retention", .retention(atLeast: Limits.callRetentionMin), default: "90d",
    "How long a dispatch keeps calls that are over, from their creation: 7d or longer, or none.")
  static let auditRetention = Option.value(
    "audit-retention", .retention(atLeast: RegistryLimits.auditRetentionMin), default: "400d",
    "How long a registry keeps entries of the audit log: 1d or longer, or none.")
  static let purchaseSettling = Option.value(
    "purchase-settling", .duration(in: .zero...RegistryLimits.purchaseSettlingMax), default: "2m",
    "How long a number whose purchase got no answer is looked for at a carrier that says that it "
      + "is not there.")
  static let moveOverlap = Option.value(
    "move-overlap", .duration(in: .zero...RegistryLimits.moveOverlapMax), default: "10m",
    "How long both regions answer after a number was moved, up to 1h: the carrier takes up to five "
      + "minutes until all of it knows a new region.")
  static let sweepInterval = Option.value(
    "sweep-interval", .sweepInterval, default: "1h",
    "How long a registry waits before it compares its numbers with the carriers again, which marks "
      + "those that somebody changed there; 0: it never does.")
  static let credentialWindow = Option.value(
    "credential-window",
    .duration(in: RegistryLimits.credentialWindowMin...RegistryLimits.credentialWindowMax),
    default: "24h",
    "How long a registry keeps the credentials that PromoteCredential replaced, for a rollback.")
  static let registry = Option.optional(
    "registry", .address, "Where the registry is, for a dispatch in a process of its own.")
  static let keyring = Option.optional(
    "keyring", .text("PATH"),
    "The keys that seal secrets: a file, made with mode 0600 if it is not there, or a folder with "
      + "a file `keyring`, as Kubernetes mounts a Secret. Read anew when it changes. Default: "
      + "keyring in the data folder. TRUNKLINE_KEYRING_KEYS gives the file's text instead. "
      + "Registry and dispatch have the same one.")
  static let tlsCertificate = Option.optional(
    "tls-cert", .text("FILE"),
    "Serve gRPC over TLS with this certificate and what is between it and its authority (PEM). The "
      + "files are read anew when they change.")
  static let tlsKey = Option.optional("tls-key", .text("FILE"), "The certificate's key (PEM).")
  static let tlsClientAuthorities = Option.optional(
    "tls-client-ca", .text("FILE"),
    "Let in only clients with a certificate of one of these authorities (PEM); --identities says "
      + "what each may do, else it shows a token, too.")
  static let isInsecure = Option.flag(
    "insecure",
    "Serve gRPC without TLS, or with --auth off, on an address that others can reach, and speak to "
      + "LiveKit servers without TLS.")
  static let grpcSettings = Option.list(
    "grpc-setting", .text("NAME=VALUE"),
    "A bound of the gRPC server, as max-connection-age=5m; docs/grpc-settings.md lists them.")
  static let corsOrigins = Option.list(
    "cors-origin", .text("ORIGIN"),
    "Pages of these origins may call by Connect and gRPC-Web, as https://console.example.com.")
  static let otlp = Option.optional(
    "otlp", .address,
    "Export spans to this OpenTelemetry collector (OTLP over gRPC, as at port 4317).")
  static let traceRatio = Option.value(
    "trace-ratio", .ratio, default: "1",
    "The share of calls without a trace of their own that is exported, from 0 to 1.")
  static let traceParents = Option.value(
    "trace-parents", .parentTrust, default: "\(ParentTrust.callsPerSecondMax)",
    "Whether a call is exported because its caller says that its trace is: none, all, or up to so "
      + "many per second. The others are treated as calls without a trace.")
  static let logLevel = Option.value(
    "log-level",
    .choice([
      "debug": LogLevel.debug, "info": .info, "warning": .warning,
      "error": .error,
    ]), default: "info", "The least important lines that are logged.")
  static let accessLog = Option.value(
    "access-log",
    .choice(["off": AccessLogConfiguration.Selection.off, "errors": .errors, "all": .all]),
    default: "errors",
    "Which gRPC calls are logged: those that failed by the server's fault or at a limit, and slow "
      + "ones; or all.")
  static let slowCall = Option.value(
    "slow-call", .duration(in: .zero ... .seconds(3600)), default: "1s",
    "A unary call that takes longer is slow.")
  static let channelz = Option.flag(
    "channelz", "Serve grpc.channelz.v1 beside the services; it shows who is connected.")
  static let drainTimeout = Option.value(
    "drain-timeout", .duration(in: .zero ... .seconds(3600)), default: "30s",
    "How long calls at hand may go on after SIGTERM.")
  static let twilioEndpoints = Option.map(
    "twilio-endpoints", .choice(["us1": Region.us1, "ie1": .ie1, "au1": .au1]), .webURL,
    commas: true, "Stand in for Twilio's hosts, for tests: us1=http://127.0.0.1:8701,….")
  static let loopCount = Option.optional(
    "loops", .integer("COUNT", in: 1...256),
    "Event loops that serve gRPC. Default: one per CPU that the process may use.")
  /// In microseconds: a loop that stays awake longer only burns its CPU.
  static let busyPollMax = 1000
  static let busyPoll = Option.value(
    "busy-poll", .integer("MICROSECONDS", in: 0...busyPollMax), default: "0",
    "For so long after its last work a loop asks for more without sleeping: a CPU for latency.")

  static let all: [any DeclaredOption] =
    [
      roles, regions, listen, webhookListen, adminListen, publicURLs, dataFolder, database,
      callRetention, auditRetention, moveOverlap, purchaseSettling, sweepInterval,
      credentialWindow, registry, keyring, tlsCertificate, tlsKey, tlsClientAuthorities,
      isInsecure, grpcSettings, corsOrigins, logLevel, accessLog, slowCall, otlp, traceRatio,
      traceParents, channelz, drainTimeout, twilioEndpoints, loopCount, busyPoll,
    ] + access + platform
}

/// How long something is kept; no period: for ever.
struct Retention: Sendable, Hashable {
  var period: Duration?
}

extension ArgumentType where Value == Retention {
  /// A time, or `none`.
  static func retention(atLeast shortest: Duration) -> ArgumentType<Retention> {
    let longest: Duration = .seconds(100 * 366 * 24 * 3600)
    return ArgumentType("TIME|none") { (text) throws(ArgumentProblem) in
      guard text != "none" else { return Retention(period: nil) }
      let time = ArgumentType<Duration>.duration(in: shortest...longest)
      return Retention(period: try time.parse(text))
    }
  }
}

extension ArgumentType where Value == Duration {
  /// A time, or 0 for never.
  static var sweepInterval: ArgumentType<Duration> {
    let time = ArgumentType.duration(in: .zero...RegistryLimits.sweepIntervalMax)
    return ArgumentType("TIME|0") { (text) throws(ArgumentProblem) in
      text == "0" ? .zero : try time.parse(text)
    }
  }
}

extension ArgumentType where Value == PostgresTarget {
  /// What `PostgresTarget` takes.
  static var database: ArgumentType<PostgresTarget> {
    ArgumentType("URL") { (text) throws(ArgumentProblem) in
      do throws(PostgresTarget.Invalid) {
        return try PostgresTarget(text)
      } catch {
        throw ArgumentProblem(error.description)
      }
    }
  }
}

extension ArgumentType where Value == String {
  /// `http://` or `https://` with a host and without query, fragment and user.
  static var webURL: ArgumentType<String> {
    ArgumentType("URL") { (text) throws(ArgumentProblem) in
      let schemes = ["https://", "http://"]
      guard let scheme = schemes.first(where: { text.hasPrefix($0) }) else {
        throw ArgumentProblem("A URL with http:// or https:// is expected.")
      }
      let rest = text.dropFirst(scheme.count)
      guard !rest.isEmpty, !rest.hasPrefix("/"),
        rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
        !rest.contains(where: { "?#@\"<>\\".contains($0) }), text.utf8.count <= 512
      else {
        throw ArgumentProblem("A URL of a host and perhaps a path is expected, without ? and #.")
      }
      return text.hasSuffix("/") ? String(text.dropLast()) : text
    }
  }
}

extension ArgumentType where Value == Double {
  /// A share, as in 0.25.
  static var ratio: ArgumentType<Double> {
    ArgumentType("RATIO") { (text) throws(ArgumentProblem) in
      guard let ratio = Double(text), (0...1).contains(ratio) else {
        throw ArgumentProblem("A number from 0 to 1 is expected, as in 0.25.")
      }
      return ratio
    }
  }
}

extension ArgumentType where Value == ParentTrust {
  static var parentTrust: ArgumentType<ParentTrust> {
    ArgumentType("none|all|COUNT") { (text) throws(ArgumentProblem) in
      switch text {
      case "none": return .none
      case "all": return .all
      default:
        guard let count = Int(text), (1...1_000_000).contains(count) else {
          throw ArgumentProblem("none, all, or a number from 1 to 1000000 is expected.")
        }
        return .upTo(count)
      }
    }
  }
}
