import EventLoops
import GRPC
import GRPCTransport
import TestKit
import Testing

/// A server and a channel on loops of their own, for one test.
struct TransportHarness {
  let serverLoop = EventLoop(name: "server")
  let clientLoop = EventLoop(name: "client")
  let service = CallTestService()
  let server: GRPCServer
  let address: SocketAddress
  let channel: GRPCChannel

  init(
    configuration: ServerConfiguration = .defaults, observation: ServerObservation = .defaults
  ) async throws {
    server = GRPCServer(
      router: Router(services: [service]), configuration: configuration, loops: [serverLoop],
      observation: observation)
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    address = try await server.listen(at: any)
    channel = GRPCChannel(host: "127.0.0.1", port: address.port, loop: clientLoop)
  }

  func stop() async {
    await channel.close()
    await server.shutdown(within: .seconds(5))
    clientLoop.stop()
    serverLoop.stop()
  }
}

@Suite(.timeLimit(.minutes(1))) struct GRPCTransportTests {
  @Test func keepsTheRulesOfCalls() async throws {
    let harness = try await TransportHarness()
    try await CallConformance(harness.channel, harness.service).runAll()
    await harness.stop()
  }

  @Test func manyCallsAtOnceShareOneConnection() async throws {
    let harness = try await TransportHarness()
    let channel = harness.channel
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<600 {
        group.addTask {
          let answer: BytesMessage = try await channel.unary(
            CallTestService.echo, BytesMessage("\(number)"))
          #expect(answer.text == "\(number)")
        }
      }
      try await group.waitForAll()
    }
    await harness.stop()
  }

  @Test func callWithoutServerFailsFast() async throws {
    let loop = EventLoop(name: "client")
    // Port 1 is nobody's here.
    let channel = GRPCChannel(host: "127.0.0.1", port: 1, loop: loop)
    await #expect {
      let _: BytesMessage = try await channel.unary(CallTestService.echo, BytesMessage("x"))
    } throws: {
      ($0 as? RPCError)?.code == .unavailable
    }
    await channel.close()
    loop.stop()
  }

  @Test func callAfterTheServerWentAwayConnectsAgain() async throws {
    let harness = try await TransportHarness()
    let first: BytesMessage = try await harness.channel.unary(
      CallTestService.echo, BytesMessage("1"))
    #expect(first.text == "1")
    await harness.server.shutdown(within: .seconds(5))
    let second = GRPCServer(
      router: Router(services: [harness.service]), loops: [harness.serverLoop])
    _ = try await second.listen(at: harness.address)
    let answer: BytesMessage = try await harness.channel.unary(
      CallTestService.echo, BytesMessage("2"))
    #expect(answer.text == "2")
    await second.shutdown(within: .seconds(5))
    await harness.stop()
  }

  @Test func gracefulShutdownLetsOpenCallsEnd() async throws {
    let harness = try await TransportHarness()
    try await harness.channel.bidirectionalStreaming(CallTestService.chat) {
      (
        requests: RequestWriter<BytesMessage>, responses: ResponseStream<BytesMessage>
      ) async throws(RPCError) in
      try await requests.write(BytesMessage("before"))
      _ = try await responses.next()
      harness.server.beginGracefulShutdown()
      for _ in 0..<20 {
        try await requests.write(BytesMessage("during"))
        let answer = try await responses.next()
        guard answer?.text == "during" else { throw RPCError(.dataLoss, "no answer") }
      }
      try await requests.finish()
      guard try await responses.next() == nil else { throw RPCError(.dataLoss, "too much") }
    }
    await harness.stop()
  }

  @Test func boundedShutdownEndsCallsThatHang() async throws {
    let harness = try await TransportHarness()
    async let error = failure {
      () async throws(RPCError) in
      let _: BytesMessage = try await harness.channel.unary(
        CallTestService.hang, BytesMessage("x"))
    }
    await harness.service.untilHanging()
    await harness.server.shutdown(within: .milliseconds(20))
    #expect(await error?.code == .unavailable)
    #expect(await harness.service.nextCause() == .shutdown)
    await harness.stop()
  }

  @Test func lostConnectionCancelsTheHandler() async throws {
    let harness = try await TransportHarness()
    async let error = failure {
      () async throws(RPCError) in
      let _: BytesMessage = try await harness.channel.unary(
        CallTestService.hang, BytesMessage("x"))
    }
    await harness.service.untilHanging()
    await harness.channel.close()
    #expect(await error?.code == .unavailable)
    let cause = await harness.service.nextCause()
    #expect(cause == .disconnect || cause == .clientReset)
    await harness.stop()
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
