internal import EventLoops
internal import GRPCTransport

/// What `Bench serve` was told.
struct ServeArguments: Sendable {
  /// Addresses as gRPC writes them ("127.0.0.1:0", "[::1]:0", "unix:/path"), or "fd:N" for a
  /// descriptor that someone else bound.
  var listen: [String] = []
  var loopCount = 1
  var busyPoll = Duration.zero
  /// How long open calls may go on after a signal.
  var drain = Duration.seconds(5)
  var configuration = ServerConfiguration.defaults
  /// Where `/metrics` is served over HTTP/1.1.
  var admin: String?
  var accessLog = AccessLogConfiguration.Selection.off
  /// Whether the service looks at no metadata: what is measured does what its peers do.
  var isPlain = false
  /// Where spans go.
  var collector: (host: String, port: UInt16)?
  private var certificate: String?
  private var key: String?
  private var clientAuthorities: String?
  private var requiresClientCertificate = true
  var reloadInterval = CertificateWatch.intervalDefault

  static let usage = """
    usage: Bench serve [--listen ADDRESS]... [--loops N] [--busy-poll MICROSECONDS]
                       [--admin 127.0.0.1:PORT] [--access-log off|errors|all]
                       [--cors-origin ORIGIN]... [--otlp COLLECTOR:PORT]
                       [--metadata ignored]
                       [--setting NAME=VALUE]... [--drain-seconds N]
                       [--tls-cert FILE --tls-key FILE [--tls-client-ca FILE]
                        [--tls-client request|require] [--tls-reload MILLISECONDS]]
    ADDRESS is 127.0.0.1:PORT, [::1]:PORT, unix:PATH, or fd:N for a socket that is bound.
    `Bench settings` prints what --setting may name.
    """

  /// `nil` when they are not as ``usage`` says.
  init?(_ arguments: some Sequence<String>) {
    var rest = Array(arguments)[...]
    while let flag = rest.popFirst() {
      guard let value = rest.popFirst(), take(flag, value) else { return nil }
    }
    if listen.isEmpty { listen = ["127.0.0.1:0"] }
    guard loopCount > 0, (certificate == nil) == (key == nil) else { return nil }
  }

  private mutating func take(_ flag: String, _ value: String) -> Bool {
    switch flag {
    case "--listen": listen.append(value)
    case "--loops": loopCount = Int(value) ?? 0
    case "--busy-poll": busyPoll = .microseconds(Int(value) ?? 0)
    case "--admin": admin = value
    case "--access-log":
      guard let selection = AccessLogConfiguration.Selection(rawValue: value) else { return false }
      accessLog = selection
    case "--metadata": isPlain = value == "ignored"
    case "--otlp":
      collector = SocketAddress.split(value)
      return collector != nil
    case "--setting": return takeSetting(value)
    case "--drain-seconds": drain = .seconds(Int(value) ?? 0)
    case "--cors-origin": configuration.corsOrigins.append(value)
    default: return takeTLS(flag, value)
    }
    return true
  }

  private mutating func takeSetting(_ assignment: String) -> Bool {
    do {
      try ServerSetting.apply(assignment, to: &configuration)
      return true
    } catch {
      StandardError.write(line: "\(error)")
      return false
    }
  }

  private mutating func takeTLS(_ flag: String, _ value: String) -> Bool {
    switch flag {
    case "--tls-cert": certificate = value
    case "--tls-key": key = value
    case "--tls-client-ca": clientAuthorities = value
    case "--tls-client":
      requiresClientCertificate = value == "require"
      return value == "require" || value == "request"
    case "--tls-reload":
      guard let milliseconds = Int(value), milliseconds > 0 else { return false }
      reloadInterval = .milliseconds(milliseconds)
    default: return false
    }
    return true
  }

  /// The files of TLS, if it is spoken.
  var tlsFiles: TLSFiles? {
    guard let certificate, let key else { return nil }
    return TLSFiles(
      certificate: certificate, key: key, clientAuthorities: clientAuthorities,
      requiresClientCertificate: requiresClientCertificate)
  }
}
