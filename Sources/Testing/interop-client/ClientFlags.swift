internal import EventLoops
internal import GRPC
internal import GRPCTransport
internal import Interop
internal import TLS

/// What the command line asks for.
struct ClientFlags {
  static let usage = """
    usage: interop-client --server_port=PORT --test_case=NAME [flags]

    Plays one of gRPC's interop cases against a server. The flags are those of gRPC's own clients:
      --server_host=NAME            localhost without it
      --server_port=PORT
      --test_case=NAME              one of those below; large_unary without it
      --use_tls                     speaks TLS
      --ca_file=FILE                whose certificates are good, in PEM; the system's without it
      --server_host_override=NAME   what the certificate has to be for, and the :authority
      --additional_metadata=LIST    name:value;name:value, sent with every call
      --soak_iterations=N --soak_max_failures=N --soak_num_threads=N
      --soak_per_iteration_max_acceptable_latency_ms=N --soak_overall_timeout_seconds=N
      --soak_min_time_ms_between_rpcs=N --soak_request_size=N --soak_response_size=N
      --max_connections=N           to one address, when calls find no room; 2 without it
      --concurrent_calls=N          of concurrent_large_unary; 1000 without it

    Cases:
      \(InteropCase.allCases.map(\.rawValue).joined(separator: "\n  "))
    """

  private static let names: Set<String> = [
    "server_host", "server_port", "server_host_override", "ca_file", "test_case",
    "additional_metadata", "soak_iterations",
    "soak_max_failures", "soak_num_threads", "soak_per_iteration_max_acceptable_latency_ms",
    "soak_overall_timeout_seconds", "soak_min_time_ms_between_rpcs", "soak_request_size",
    "soak_response_size", "concurrent_calls", "max_connections",
  ]

  let host: String
  let port: UInt16
  /// The name that the server is known by; `nil` is the host.
  let hostOverride: String?
  let tls: TLSContext?
  let testCase: InteropCase
  let metadata: Metadata
  let soak: InteropClient.Soak
  let concurrentCalls: Int
  let connectionsMax: Int

  init(_ arguments: [String]) throws(Flags.Mistake) {
    let flags = try Flags(
      arguments, names: Self.names, switches: ["use_tls", "use_test_ca"])
    host = flags["server_host"] ?? "localhost"
    port = UInt16(try flags.integer("server_port", default: 10_000, in: 1...65_535))
    hostOverride = flags["server_host_override"]
    tls = try Self.tls(flags)
    let name = flags["test_case"] ?? InteropCase.largeUnary.rawValue
    guard let testCase = InteropCase(rawValue: name) else {
      throw Flags.Mistake("There is no case \"\(name)\".")
    }
    self.testCase = testCase
    metadata = try Self.metadata(flags["additional_metadata"] ?? "")
    soak = try Self.soak(flags)
    concurrentCalls = try flags.integer("concurrent_calls", default: 1000, in: 1...1000)
    connectionsMax = try flags.integer("max_connections", default: 2, in: 1...100)
  }

  private static func tls(_ flags: Flags) throws(Flags.Mistake) -> TLSContext? {
    guard try flags.isOn("use_tls") else { return nil }
    var trust = ServerTrust.system
    if let path = flags["ca_file"] {
      guard let authorities = SmallFile.read(path: path, byteCountMax: TLSFiles.byteCountMax) else {
        throw Flags.Mistake("--ca_file can't be read: \(path).")
      }
      trust = .authorities(authorities)
    }
    do {
      return try TLSContext(
        client: TLSClientConfiguration(trust: trust, serverName: flags["server_host_override"]))
    } catch {
      throw Flags.Mistake("\(error)")
    }
  }

  private static func soak(_ flags: Flags) throws(Flags.Mistake) -> InteropClient.Soak {
    var soak = InteropClient.Soak()
    soak.iterations = try flags.integer(
      "soak_iterations", default: soak.iterations, in: 1...1_000_000_000)
    soak.failuresMax = try flags.integer(
      "soak_max_failures", default: soak.failuresMax, in: 0...1_000_000_000)
    soak.latencyMax = .milliseconds(
      try flags.integer(
        "soak_per_iteration_max_acceptable_latency_ms", default: 1000, in: 1...3_600_000))
    soak.overallTimeout = .seconds(
      try flags.integer("soak_overall_timeout_seconds", default: 10, in: 1...1_000_000))
    soak.pace = .milliseconds(
      try flags.integer("soak_min_time_ms_between_rpcs", default: 0, in: 0...3_600_000))
    soak.requestSize = try flags.integer(
      "soak_request_size", default: soak.requestSize, in: 0...(4 << 20))
    soak.responseSize = try flags.integer(
      "soak_response_size", default: soak.responseSize, in: 0...(4 << 20))
    soak.threads = try flags.integer("soak_num_threads", default: soak.threads, in: 1...100)
    return soak
  }

  /// Reads "name:value;name:value"; a value may hold any character but `;`.
  private static func metadata(_ text: String) throws(Flags.Mistake) -> Metadata {
    var metadata: Metadata = [:]
    for entry in text.split(separator: ";") {
      let pair = entry.split(separator: ":", maxSplits: 1).map(String.init)
      guard pair.count == 2, Metadata.isValid(name: pair[0]), !pair[0].hasSuffix("-bin"),
        Metadata.isValid(text: pair[1])
      else {
        throw Flags.Mistake(
          "--additional_metadata has \"\(entry)\"; it is a list of name:value.")
      }
      metadata.append(pair[1], for: pair[0])
    }
    return metadata
  }
}
