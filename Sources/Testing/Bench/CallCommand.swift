internal import EventLoops
internal import GRPC
internal import GRPCTransport
internal import TLS
internal import TestAPI

/// `Bench call --target T`: the runtime's client, driven by black-box tests.
///
/// It makes calls to EchoService, one after another unless `--parallel` says otherwise, and prints
/// a line for each when it is over: its status, its milliseconds, then its text or message.
struct CallCommand {
  typealias V1 = Trunkline.Testing.V1

  static let usage = """
    Bench call --target TARGET [--method echo|collect|converse|repeat] [--calls N] [--parallel N]
      [--timeout MS] [--wait-for-ready] [--round-robin] [--attempts N] [--back-off MS]
      [--connect-back-off MS] [--keepalive MS] [--payload BYTES] [--idle MS]
      [--compress gzip|deflate] [--ca PEM-FILE [--server-name NAME]]
    """

  private var target: ChannelTarget?
  private var method = "echo"
  private var callCount = 1
  private var parallelCount = 1
  private var payload: [UInt8] = []
  private var attemptsMax = 1
  private var backOff = 10
  private var options = CallOptions()
  private var authorities: [UInt8]?
  private var serverName: String?
  private var configuration = ClientConfiguration.defaults

  /// `nil` if the arguments are malformed.
  init?(_ arguments: ArraySlice<String>) {
    var arguments = arguments
    while let flag = arguments.popFirst() {
      switch flag {
      case "--wait-for-ready": options.waitForReady = true
      case "--round-robin": configuration.loadBalancing = .roundRobin
      default:
        guard let value = arguments.popFirst(), read(flag, value) else { return nil }
      }
    }
    guard target != nil, callCount > 0, parallelCount > 0 else { return nil }
    if let authorities {
      configuration.tls = try? TLSContext(
        client: TLSClientConfiguration(trust: .authorities(authorities), serverName: serverName))
      guard configuration.tls != nil else { return nil }
    }
    if attemptsMax > 1 {
      configuration.serviceConfig.defaults.retryPolicy = RetryPolicy(
        attemptsMax: attemptsMax, initialBackOff: .milliseconds(max(backOff, 1)))
    }
  }

  private mutating func read(_ flag: String, _ value: String) -> Bool {
    if flag == "--target" {
      target = try? ChannelTarget(parsing: value)
      return target != nil
    }
    if flag == "--ca" {
      authorities = SmallFile.read(path: value, byteCountMax: 1 << 20)
      return authorities != nil
    }
    if flag == "--server-name" {
      serverName = value
      return true
    }
    if flag == "--compress" {
      options.compression = MessageEncoding(rawValue: value)
      return options.compression != nil
    }
    if flag == "--method" {
      method = value
      return true
    }
    guard let number = Int(value), number >= 0 else { return false }
    switch flag {
    case "--calls": callCount = number
    case "--parallel": parallelCount = number
    case "--timeout": options.timeout = .milliseconds(number)
    case "--attempts": attemptsMax = number
    case "--back-off": backOff = number
    case "--connect-back-off": configuration.backOff.initial = .milliseconds(number)
    case "--idle": configuration.idleTimeout = .milliseconds(number)
    case "--payload": payload = Array(repeating: 0x61, count: number)
    case "--keepalive":
      configuration.keepalive = KeepaliveConfiguration(
        time: .milliseconds(number), timeout: .milliseconds(number), timeMin: .zero)
    default: return false
    }
    return true
  }

  func run() async {
    guard let target else { return }
    let loop = EventLoop(name: "client")
    let channel = GRPCChannel(target: target, loop: loop, configuration: configuration)
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<callCount {
        if index >= parallelCount { await group.next() }
        group.addTask { await report(channel, index) }
      }
    }
    await channel.close()
    loop.stop()
  }

  private func report(_ channel: GRPCChannel, _ index: Int) async {
    let start = ContinuousClock.now
    var line: String
    do throws(RPCError) {
      line = "OK \(try await call(channel, "\(index)"))"
    } catch {
      line = "\(error.code) \(error.message)"
    }
    let time = start.duration(to: .now)
    let milliseconds = Int(time / .milliseconds(1))
    line = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      .joined(separator: " \(milliseconds) ")
    _ = StandardOutput.write(line + "\n")
  }

  /// The text that came back.
  private func call(_ channel: GRPCChannel, _ text: String) async throws(RPCError) -> String {
    let client = V1.EchoServiceClient(channel: channel)
    switch method {
    case "collect":
      return try await client.collect(options: options) {
        (requests: RequestWriter<V1.CollectRequest>) async throws(RPCError) in
        for _ in 0..<4 {
          try await requests.write(V1.CollectRequest(text: text, payload: payload))
        }
      }.text
    case "converse":
      return try await client.converse(options: options) {
        (
          requests: RequestWriter<V1.ConverseRequest>,
          responses: ResponseStream<V1.ConverseResponse>
        ) async throws(RPCError) in
        var all = ""
        for _ in 0..<4 {
          try await requests.write(V1.ConverseRequest(text: text, payload: payload))
          all += try await responses.next()?.text ?? "?"
        }
        try await requests.finish()
        while let response = try await responses.next() { all += response.text }
        return all
      }
    case "repeat":
      let request = V1.RepeatRequest(text: text, payload: payload, count: 4)
      return try await client.repeat(request, options: options) {
        (responses: ResponseStream<V1.RepeatResponse>) async throws(RPCError) in
        var all = ""
        while let response = try await responses.next() { all += response.text }
        return all
      }
    default:
      return try await client.echo(
        V1.EchoRequest(text: text, payload: payload), options: options
      ).text
    }
  }
}
