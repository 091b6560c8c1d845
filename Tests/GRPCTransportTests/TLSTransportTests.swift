import EventLoops
import GRPC
import TLS
import Telemetry
import TestKit
import Testing

@testable import GRPCTransport

/// A server over TLS on a loop of its own, and channels to it.
private struct TLSHarness {
  let authority = TestAuthority()
  let serverLoop = EventLoop(name: "server")
  let clientLoop = EventLoop(name: "client")
  let service = CallTestService()
  let server: GRPCServer
  let source: TLSContextSource

  init(clients: Bool = false) throws {
    let issued = authority.issue(.server)
    source = TLSContextSource(
      try TLSContext(
        server: .init(
          credentials: .init(certificateChain: issued.certificate, privateKey: issued.key),
          clients: clients ? .require(authorities: authority.certificate) : .none)))
    var configuration = ServerConfiguration.defaults
    // Longer than any test: what waits for it is seen however busy the machine is.
    configuration.connection.handshakeMax = .seconds(600)
    server = GRPCServer(
      router: Router(services: [service]), configuration: configuration, loops: [serverLoop])
  }

  func listen(_ target: String = "127.0.0.1:0") async throws -> SocketAddress {
    try await server.listen(at: try #require(SocketAddress(target: target)), tls: source)
  }

  func context(_ request: TestAuthority.Request? = nil) throws -> TLSContext {
    let issued = request.map { authority.issue($0) }
    return try TLSContext(
      client: .init(
        trust: .authorities(authority.certificate),
        credentials: issued.map {
          .init(certificateChain: $0.certificate, privateKey: $0.key)
        }))
  }

  func channel(_ address: SocketAddress, _ context: TLSContext) -> GRPCChannel {
    var configuration = ClientConfiguration.defaults
    configuration.tls = context
    return GRPCChannel(
      host: address.host, port: address.port, loop: clientLoop, configuration: configuration)
  }

  func stop() async {
    await server.shutdown(within: .seconds(5))
    clientLoop.stop()
    serverLoop.stop()
  }
}

@Suite(.timeLimit(.minutes(1))) struct TLSTransportTests {
  @Test func keepsTheRulesOfCalls() async throws {
    let harness = try TLSHarness(clients: true)
    let channel = harness.channel(try await harness.listen(), try harness.context(.client))
    try await CallConformance(channel, harness.service).runAll()
    await channel.close()
    await harness.stop()
  }

  @Test func channelsResumeTheirSessions() async throws {
    let harness = try TLSHarness()
    let address = try await harness.listen("[::1]:0")
    let context = try harness.context()
    for _ in 0..<3 {
      let channel = harness.channel(address, context)
      let answer: BytesMessage = try await channel.unary(CallTestService.echo, BytesMessage("x"))
      #expect(answer.text == "x")
      await channel.close()
    }
    let text = await harness.server.metrics()
      .families.first { $0.descriptor.name == "grpc.server.tls.handshakes" }?
      .samples.map { "\($0.labels.map(\.value)) \($0.value)" }.sorted()
    #expect(
      text == [
        "[\"SUCCESS\", \"FULL_HANDSHAKE\"] counter(1.0)",
        "[\"SUCCESS\", \"RESUMED_HANDSHAKE\"] counter(2.0)",
      ])
    await harness.stop()
  }

  @Test func whoIsNotTrustedIsUnavailable() async throws {
    let harness = try TLSHarness(clients: true)
    let address = try await harness.listen()
    let unnamed = harness.channel(address, try harness.context())
    let stranger = try TLSContext(client: .init())
    let foreign = harness.channel(address, stranger)
    let plain = GRPCChannel(host: address.host, port: address.port, loop: harness.clientLoop)
    for channel in [unnamed, foreign, plain] {
      await #expect {
        let _: BytesMessage = try await channel.unary(CallTestService.echo, BytesMessage("x"))
      } throws: {
        ($0 as? RPCError)?.code == .unavailable
      }
      await channel.close()
    }
    await harness.stop()
  }

  @Test func oneServerListensAtSeveralAddresses() async throws {
    let harness = try TLSHarness()
    let path = "/tmp/trunkline-tls-\(UInt32.random(in: 0 ... .max)).sock"
    var channels = [harness.channel(try await harness.listen(), try harness.context())]
    channels.append(harness.channel(try await harness.listen("[::1]:0"), try harness.context()))
    let unix = try await harness.listen("unix:" + path)
    #expect(unix.description == "unix:" + path)
    let plain = try await harness.server.listen(
      at: try #require(SocketAddress(target: "127.0.0.1:0")))
    channels.append(
      GRPCChannel(host: plain.host, port: plain.port, loop: harness.clientLoop))
    for channel in channels {
      let answer: BytesMessage = try await channel.unary(CallTestService.echo, BytesMessage("x"))
      #expect(answer.text == "x")
      await channel.close()
    }
    await harness.stop()
    #expect(FileSignature(path: path) == nil)
  }

  /// Nobody waits for a client that never begins its handshake.
  @Test func silentHandshakesDoNotHoldAnAbort() async throws {
    let harness = try TLSHarness()
    let address = try await harness.listen()
    await withCheckedContinuation { connected in
      harness.clientLoop.execute {
        harness.clientLoop.connect(to: address) { result in
          if case .success(let socket) = result { socket.start(SilentSide()) }
          connected.resume()
        }
      }
    }
    let begin = ContinuousClock.now
    await harness.server.shutdown(within: .milliseconds(50))
    #expect(ContinuousClock.now - begin < .seconds(300))
    await harness.stop()
  }
}

private final class SilentSide: StreamSocketDelegate {
  func socketReceived(_ bytes: RawSpan) {}
  func socketDrained() {}
  func socketEnded(_ error: EventLoopError?) {}
}
