import EventLoops
import GRPC
import GRPCTransport
import Synchronization
import TestKit
import Testing
import WellKnown

/// Refuses calls whose metadata says so, some after a while.
private struct Doorkeeper: CallAdmission {
  func verdict(on call: AdmissionRequest) -> AdmissionVerdict {
    if call.metadata["x-ask"] == "no" {
      return .undecided { () async throws(RPCError) in
        await Task.yield()
        throw RPCError(.unauthenticated, "Asked.")
      }
    }
    if call.metadata["x-ask"] == "yes" {
      return .undecided { () async throws(RPCError) in
        await Task.yield()
        return "asked"
      }
    }
    guard call.method == CallTestService.echo, call.metadata["x-refuse"] != nil else {
      return .admitted("at once")
    }
    return .refused(RPCError(.resourceExhausted, "Full; \(call.peer.hasPrefix("ipv4:"))."))
  }
}

/// Takes a well-known message, so that a body can be malformed, and tells what was admitted.
private struct Gatehouse: Service {
  static let name = "trunkline.testing.Gatehouse"
  static let fileDescriptorSet: [UInt8] = []
  static let unary = MethodDescriptor(service: name, method: "Unary", kind: .unary)
  static let streaming = MethodDescriptor(
    service: name, method: "Streaming", kind: .serverStreaming)

  func register(in router: inout Router) {
    router.unary(Self.unary, Google.Protobuf.Duration.self, BytesMessage.self) {
      _, context throws(RPCError) in
      BytesMessage(context.admission as? String ?? "nothing")
    }
    router.serverStreaming(Self.streaming, Google.Protobuf.Duration.self, BytesMessage.self) {
      _, responses, context throws(RPCError) in
      try await responses.write(BytesMessage(context.admission as? String ?? "nothing"))
    }
  }
}

private struct Witness: ServerInterceptor {
  let methods = AsyncStream.makeStream(of: MethodDescriptor.self)

  func intercept(
    _ context: ServerContext, next: () async throws(RPCError) -> Void
  ) async throws(RPCError) {
    methods.continuation.yield(context.method)
    try await next()
  }
}

/// Streams into a window that nobody opens, from threads of its own, and is cancelled again.
private final class OffLoopWriter: Service {
  static let name = "trunkline.testing.OffLoop"
  static let fileDescriptorSet: [UInt8] = []
  static let write = MethodDescriptor(
    service: name, method: "Write", kind: .serverStreaming)
  static let roundCount = 300

  func register(in router: inout Router) {
    router.serverStreaming(Self.write, BytesMessage.self, BytesMessage.self) {
      request, responses, context throws(RPCError) in
      // The first one fills the windows; it and every later one wait for room and are cancelled,
      // each as soon as it may have begun.
      let message = BytesMessage(bytes: [UInt8](repeating: 0, count: 64 << 10))
      for round in 0..<Self.roundCount {
        await withTaskGroup(of: Void.self) { group in
          let (begun, begin) = AsyncStream.makeStream(of: Void.self)
          group.addTask(executorPreference: globalConcurrentExecutor) {
            begin.yield()
            while !Task.isCancelled {
              guard (try? await responses.write(message)) != nil else { return }
            }
          }
          for await _ in begun { break }
          for _ in 0..<(round % 7) { await Task.yield() }
          group.cancelAll()
        }
      }
      throw RPCError(.aborted, "All writers ended.")
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct CallRulesTests {
  private struct Pair {
    let serverLoop = EventLoop(name: "server")
    let clientLoop = EventLoop(name: "client")
    let server: GRPCServer
    let channel: GRPCChannel

    init(_ router: Router) async throws {
      server = GRPCServer(router: router, loops: [serverLoop])
      let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
      let address = try await server.listen(at: any)
      channel = GRPCChannel(host: "127.0.0.1", port: address.port, loop: clientLoop)
    }

    func stop() async {
      await channel.close()
      await server.shutdown(within: .seconds(5))
      clientLoop.stop()
      serverLoop.stop()
    }
  }

  @Test func admissionComesBeforeInterceptors() async throws {
    let witness = Witness()
    let pair = try await Pair(
      Router(
        services: [CallTestService()], interceptors: [witness], admission: Doorkeeper()))
    let refused = CallOptions(metadata: ["x-refuse": "1"])
    await #expect(throws: RPCError(.resourceExhausted, "Full; true.")) {
      let _: BytesMessage = try await pair.channel.unary(
        CallTestService.echo, BytesMessage("x"), options: refused)
    }
    let joined: BytesMessage = try await pair.channel.clientStreaming(
      CallTestService.join, options: refused
    ) { (requests: RequestWriter<BytesMessage>) throws(RPCError) in
      try await requests.write(BytesMessage("y"))
    }
    #expect(joined.text == "y")
    witness.methods.continuation.finish()
    var seen: [MethodDescriptor] = []
    for await method in witness.methods.stream { seen.append(method) }
    #expect(seen == [CallTestService.join])
    await pair.stop()
  }

  /// What the gatehouse says to a body, and how it ends.
  private func knock(
    _ pair: Pair, _ method: MethodDescriptor, body: [UInt8], ask: String?
  ) async -> Result<String, RPCError> {
    let options = CallOptions(metadata: ask.map { ["x-ask": .text($0)] } ?? [:])
    let request = BytesMessage(bytes: body)
    do throws(RPCError) {
      if method.kind == .unary {
        let answer: BytesMessage = try await pair.channel.unary(method, request, options: options)
        return .success(answer.text)
      }
      return .success(
        try await pair.channel.serverStreaming(method, request, options: options) {
          (responses: ResponseStream<BytesMessage>) throws(RPCError) in
          try await responses.next()?.text ?? ""
        })
    } catch {
      return .failure(error)
    }
  }

  @Test(arguments: [Gatehouse.unary, Gatehouse.streaming])
  func noBodyIsLookedAtBeforeTheVerdict(_ method: MethodDescriptor) async throws {
    let pair = try await Pair(Router(services: [Gatehouse()], admission: Doorkeeper()))
    let torn: [UInt8] = [0xff]
    #expect(await knock(pair, method, body: [], ask: nil) == .success("at once"))
    #expect(await knock(pair, method, body: [], ask: "yes") == .success("asked"))
    let refusal = RPCError(.unauthenticated, "Asked.")
    #expect(await knock(pair, method, body: [], ask: "no") == .failure(refusal))
    #expect(await knock(pair, method, body: torn, ask: "no") == .failure(refusal))
    for ask in [nil, "yes"] {
      let result = await knock(pair, method, body: torn, ask: ask)
      #expect(throws: RPCError.self) { try result.get() }
      #expect(result != .failure(refusal))
    }
    await pair.stop()
  }

  @Test func aWriterThatIsCancelledAsItBeginsToWaitNeverHangs() async throws {
    let pair = try await Pair(Router(services: [OffLoopWriter()]))
    // The body does not read before the server's writers have all ended, so that nothing else
    // than their cancellation wakes them.
    let error: RPCError? = try await pair.channel.serverStreaming(
      OffLoopWriter.write, BytesMessage()
    ) { (responses: ResponseStream<BytesMessage>) throws(RPCError) in
      do throws(RPCError) {
        while try await responses.next() != nil {}
        return nil
      } catch {
        return error
      }
    }
    #expect(error == RPCError(.aborted, "All writers ended."))
    await pair.stop()
  }
}
