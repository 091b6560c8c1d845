import EventLoops
import GRPC
import HTTP2
import TestKit
import Testing

@testable import GRPCTransport

/// Servers and a client's loop for one test of a channel.
private final class Servers {
  let clientLoop = EventLoop(name: "client")
  let serverLoop = EventLoop(name: "server")
  let service = CallTestService()
  private var servers: [GRPCServer] = []
  private var channels: [GRPCChannel] = []

  /// Starts a server at `address`; gives the address with its port.
  func start(
    at address: SocketAddress? = nil, services: [any Service] = [],
    _ configuration: ServerConfiguration = .defaults
  ) async throws -> SocketAddress {
    let router = Router(services: services.isEmpty ? [service] : services)
    let server = GRPCServer(router: router, configuration: configuration, loops: [serverLoop])
    servers.append(server)
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    return try await server.listen(at: address ?? any)
  }

  func stopServers() async {
    for server in servers { await server.shutdown(within: .seconds(5)) }
    servers = []
  }

  func channel(
    to addresses: SocketAddress..., configuration: ClientConfiguration = .defaults
  ) -> GRPCChannel {
    let channel = GRPCChannel(
      target: ChannelTarget(addresses: addresses), loop: clientLoop, configuration: configuration)
    channels.append(channel)
    return channel
  }

  func stop() async {
    for channel in channels { await channel.close() }
    await stopServers()
    clientLoop.stop()
    serverLoop.stop()
  }
}

/// What `body` throws.
private func failure(_ body: () async throws(RPCError) -> Void) async -> RPCError? {
  do throws(RPCError) {
    try await body()
    return nil
  } catch {
    return error
  }
}

extension GRPCChannel {
  fileprivate func echo(_ text: String, _ options: CallOptions = .defaults) async throws(RPCError) {
    let answer: BytesMessage = try await unary(
      CallTestService.echo, BytesMessage(text), options: options)
    guard answer.text == text else { throw RPCError(.dataLoss, answer.text) }
  }
}

/// Answers with what `body` makes of the call's context.
private struct ContextService: Service {
  static let name = "trunkline.testing.Context"
  static let fileDescriptorSet: [UInt8] = []
  static let ask = MethodDescriptor(service: name, method: "Ask", kind: .unary)
  static let stream = MethodDescriptor(service: name, method: "Stream", kind: .serverStreaming)
  /// Reads nothing and never answers.
  static let stall = MethodDescriptor(
    service: name, method: "Stall", kind: .bidirectionalStreaming)
  let body: @Sendable (ServerContext) async throws(RPCError) -> String

  func register(in router: inout Router) {
    router.unary(Self.ask, BytesMessage.self, BytesMessage.self) {
      _, context async throws(RPCError) in
      BytesMessage(try await body(context))
    }
    router.serverStreaming(Self.stream, BytesMessage.self, BytesMessage.self) {
      _, responses, context async throws(RPCError) in
      try await responses.write(BytesMessage(try await body(context)))
    }
    router.bidirectionalStreaming(Self.stall, BytesMessage.self, BytesMessage.self) {
      _, _, context async throws(RPCError) in
      let forever = AsyncStream<Never> { _ in }
      for await _ in forever {}
      throw context.cancellationError
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct ChannelTests {
  @Test func statesAreTold() async throws {
    let servers = Servers()
    let channel = servers.channel(to: try await servers.start())
    var states = channel.connectivityStates().makeAsyncIterator()
    #expect(await states.next() == .idle)
    channel.connect()
    #expect(await states.next() == .connecting)
    #expect(await states.next() == .ready)
    await servers.stopServers()
    #expect(await states.next() == .idle)
    await channel.close()
    #expect(await states.next() == .shutdown)
    #expect(await states.next() == nil)
    await servers.stop()
  }

  @Test func aCallThatWaitsOutlivesFailedConnections() async throws {
    let servers = Servers()
    let address = try await servers.start()
    await servers.stopServers()
    var configuration = ClientConfiguration.defaults
    configuration.backOff.initial = .milliseconds(10)
    let channel = servers.channel(to: address, configuration: configuration)
    var states = channel.connectivityStates().makeAsyncIterator()
    async let error = failure {
      () async throws(RPCError) in try await channel.echo("x", CallOptions(waitForReady: true))
    }
    while await states.next() != .transientFailure {}
    // One that doesn't wait fails, and says why.
    let refused = await failure { () async throws(RPCError) in try await channel.echo("y") }
    #expect(refused?.code == .unavailable)
    #expect(refused?.message.contains("connection refused") == true)
    _ = try await servers.start(at: address)
    #expect(await error == nil)
    await servers.stop()
  }

  @Test func aDeadlineEndsTheWaitAndSaysWhatItWaitedFor() async throws {
    let servers = Servers()
    let address = try await servers.start()
    await servers.stopServers()
    let channel = servers.channel(to: address)
    // The first attempt has failed before the deadline's time begins.
    let refused = await failure { () async throws(RPCError) in try await channel.echo("w") }
    #expect(refused?.code == .unavailable)
    let error = await failure {
      () async throws(RPCError) in
      try await channel.echo("x", CallOptions(timeout: .milliseconds(50), waitForReady: true))
    }
    #expect(error?.code == .deadlineExceeded)
    #expect(error?.message.contains("connection refused") == true, "\(String(describing: error))")
    await servers.stop()
  }

  @Test func pickFirstTakesTheFirstAddressThatAnswers() async throws {
    let servers = Servers()
    let gone = try await servers.start()
    await servers.stopServers()
    let first = ContextService { _ in "first" }
    let second = ContextService { _ in "second" }
    let one = try await servers.start(services: [first])
    let two = try await servers.start(services: [second])
    let channel = servers.channel(to: gone, one, two)
    for _ in 0..<3 {
      let answer: BytesMessage = try await channel.unary(ContextService.ask, BytesMessage())
      #expect(answer.text == "first")
    }
    await servers.stop()
  }

  @Test func roundRobinUsesAllAddresses() async throws {
    let servers = Servers()
    let one = try await servers.start(services: [ContextService { _ in "1" }])
    let two = try await servers.start(services: [ContextService { _ in "2" }])
    var configuration = ClientConfiguration.defaults
    configuration.loadBalancing = .roundRobin
    let channel = servers.channel(to: one, two, configuration: configuration)
    var counts: [String: Int] = [:]
    while counts.count < 2 || counts.values.min() ?? 0 < 10 {
      let answer: BytesMessage = try await channel.unary(ContextService.ask, BytesMessage())
      counts[answer.text, default: 0] += 1
    }
    await servers.stop()
  }

  @Test func callsWaitInOrderForTheServersStreamLimit() async throws {
    let servers = Servers()
    var limits = ServerConfiguration.defaults
    limits.http2.concurrentStreamsMax = 2
    let channel = servers.channel(to: try await servers.start(limits))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<200 { group.addTask { try await channel.echo("\(number)") } }
      try await group.waitForAll()
    }
    // Two hang, the third waits until its deadline.
    await withTaskGroup(of: RPCError?.self) { group in
      for _ in 0..<2 {
        group.addTask {
          await failure {
            () async throws(RPCError) in
            let _: BytesMessage = try await channel.unary(CallTestService.hang, BytesMessage("x"))
          }
        }
        await servers.service.untilHanging()
      }
      let late = await failure {
        () async throws(RPCError) in
        try await channel.echo("late", CallOptions(timeout: .milliseconds(30)))
      }
      #expect(late?.code == .deadlineExceeded)
      group.cancelAll()
    }
    // There is room again.
    try await channel.echo("now")
    await servers.stop()
  }

  @Test func callsBeyondTheBoundAreRefused() async throws {
    let servers = Servers()
    var configuration = ClientConfiguration.defaults
    configuration.callsMax = 1
    let channel = servers.channel(to: try await servers.start(), configuration: configuration)
    try await channel.bidirectionalStreaming(CallTestService.chat) {
      (requests: RequestWriter<BytesMessage>, _: ResponseStream<BytesMessage>)
        async throws(RPCError) in
      let error = await failure { () async throws(RPCError) in try await channel.echo("x") }
      guard error?.code == .resourceExhausted else { throw RPCError(.dataLoss, "no bound") }
      try await requests.finish()
    }
    try await channel.echo("x")
    await servers.stop()
  }

  @Test func anIdleChannelEndsItsConnectionAndConnectsAgain() async throws {
    let servers = Servers()
    var configuration = ClientConfiguration.defaults
    configuration.idleTimeout = .milliseconds(20)
    let channel = servers.channel(to: try await servers.start(), configuration: configuration)
    try await channel.echo("1")
    var states = channel.connectivityStates().makeAsyncIterator()
    while await states.next() != .idle {}
    try await channel.echo("2")
    await servers.stop()
  }

  @Test(arguments: MessageEncoding.allCases)
  func messagesAreCompressedWhereThatHelps(_ encoding: MessageEncoding) async throws {
    let servers = Servers()
    let channel = servers.channel(to: try await servers.start())
    let options = CallOptions(compression: encoding)
    for (size, isCompressed) in [(0, false), (100, false), (200_000, true)] {
      let message = BytesMessage(bytes: Array(repeating: 0x61, count: size))
      let answer: Response<BytesMessage> = try await channel.unaryResponse(
        CallTestService.echo, message, options: options)
      #expect(answer.message == message)
      #expect(answer.isCompressed == isCompressed)
    }
    // Message by message.
    try await channel.bidirectionalStreaming(CallTestService.chat, options: options) {
      (requests: RequestWriter<BytesMessage>, responses: ResponseStream<BytesMessage>)
        async throws(RPCError) in
      for compress in [true, false, nil] {
        try await requests.write(BytesMessage("small"), compress: compress)
        guard try await responses.next()?.text == "small" else { throw RPCError(.dataLoss, "") }
      }
      try await requests.finish()
    }
    await servers.stop()
  }

  @Test func namesAreLookedUp() async throws {
    let servers = Servers()
    let address = try await servers.start()
    let target = try ChannelTarget(parsing: "dns:///localhost:\(address.port)")
    let channel = GRPCChannel(target: target, loop: servers.clientLoop)
    try await channel.echo("x")
    await channel.close()
    let nowhere = GRPCChannel(
      target: try ChannelTarget(parsing: "no-such-host.invalid:1"), loop: servers.clientLoop)
    let error = await failure { () async throws(RPCError) in try await nowhere.echo("x") }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("name lookup") == true, "\(String(describing: error))")
    await nowhere.close()
    await servers.stop()
  }
}

@Suite(.timeLimit(.minutes(1))) struct CallTreeTests {
  @Test(arguments: [ContextService.ask, ContextService.stream])
  private func childCallsEndNoLaterThanTheirParent(_ method: MethodDescriptor) async throws {
    let servers = Servers()
    let inner = try await servers.start(
      services: [
        ContextService { context in
          let rest = context.deadline.map { ContinuousClock.now.duration(to: $0) }
          return "\(rest?.components.seconds ?? 0)"
        }
      ])
    let child = servers.channel(to: inner)
    let outer = try await servers.start(
      services: [
        ContextService { _ async throws(RPCError) in
          let answer: BytesMessage = try await child.unary(
            ContextService.ask, BytesMessage(), options: CallOptions(timeout: .seconds(3600)))
          return answer.text
        }
      ])
    let channel = servers.channel(to: outer)
    let options = CallOptions(timeout: .seconds(100))
    let text: String
    if method.kind == .unary {
      let answer: BytesMessage = try await channel.unary(method, BytesMessage(), options: options)
      text = answer.text
    } else {
      text = try await channel.serverStreaming(method, BytesMessage(), options: options) {
        (responses: ResponseStream<BytesMessage>) async throws(RPCError) in
        try await responses.next()?.text ?? ""
      }
    }
    let seconds = try #require(Int(text))
    #expect((1...100).contains(seconds))
    await servers.stop()
  }

  @Test(arguments: [ContextService.ask, ContextService.stream])
  private func cancellationOfACallReachesItsChildren(_ method: MethodDescriptor) async throws {
    let servers = Servers()
    let child = servers.channel(to: try await servers.start())
    let outer = try await servers.start(
      services: [
        ContextService { _ async throws(RPCError) in
          let answer: BytesMessage = try await child.unary(
            CallTestService.hang, BytesMessage("x"))
          return answer.text
        }
      ])
    let channel = servers.channel(to: outer)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        if method.kind == .unary {
          let _: BytesMessage? = try? await channel.unary(method, BytesMessage())
        } else {
          _ = await failure {
            () async throws(RPCError) in
            try await channel.serverStreaming(method, BytesMessage()) {
              (responses: ResponseStream<BytesMessage>) async throws(RPCError) in
              _ = try await responses.next()
            }
          }
        }
      }
      await servers.service.untilHanging()
      group.cancelAll()
    }
    #expect(await servers.service.nextCause() == .clientReset)
    await servers.stop()
  }

  @Test func aWriterThatIsCancelledAsItBeginsToWaitGoesOn() async throws {
    let servers = Servers()
    let channel = servers.channel(
      to: try await servers.start(services: [ContextService { _ in "" }]))
    let message = BytesMessage(bytes: Array(repeating: 0x61, count: 128 << 10))
    for _ in 0..<100 {
      // The server reads nothing: the fourth write waits at the latest.
      try await channel.bidirectionalStreaming(ContextService.stall) {
        (requests: RequestWriter<BytesMessage>, _: ResponseStream<BytesMessage>)
          async throws(RPCError) in
        let error = await withTaskGroup(of: RPCError?.self) { group in
          group.addTask {
            await failure {
              () async throws(RPCError) in
              while true { try await requests.write(message) }
            }
          }
          group.cancelAll()
          return await group.next() ?? nil
        }
        guard error == .cancelledByCaller else { throw error ?? RPCError(.dataLoss, "no error") }
      }
    }
    await servers.stop()
  }
}
