import EventLoops
import GRPC
import GRPCTransport
import HTTP2
import Synchronization
import TestKit
import Testing

/// Handlers that don't listen when they are cancelled.
private final class StubbornService: Service {
  static let name = "trunkline.testing.Stubborn"
  static let fileDescriptorSet: [UInt8] = []
  /// Waits until ``letGo()``, cancelled or not.
  static let wait = MethodDescriptor(service: name, method: "Wait", kind: .unary)
  /// Keeps its loop's thread until ``letGo()``.
  static let block = MethodDescriptor(service: name, method: "Block", kind: .unary)

  private struct State {
    var isOpen = false
    var held: [CheckedContinuation<Void, Never>] = []
    var startCount = 0
    var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())

  /// Waits until so many handlers have started.
  func untilStarted(_ count: Int) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.startCount >= count { return true }
        state.watchers.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  var startCount: Int { state.withLock { $0.startCount } }

  private func noteStart() {
    let due = state.withLock { state in
      state.startCount += 1
      let count = state.startCount
      defer { state.watchers.removeAll { $0.count <= count } }
      return state.watchers.filter { $0.count <= count }
    }
    for watcher in due { watcher.continuation.resume() }
  }

  /// Lets all go on that wait, and whoever comes later.
  func letGo() {
    let held = state.withLock { state in
      state.isOpen = true
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }

  func register(in router: inout Router) {
    router.unary(Self.wait, BytesMessage.self, BytesMessage.self) {
      [self] request, context throws(RPCError) in
      noteStart()
      await withCheckedContinuation { continuation in
        let isOpen = state.withLock { state in
          if !state.isOpen { state.held.append(continuation) }
          return state.isOpen
        }
        if isOpen { continuation.resume() }
      }
      return request
    }
    router.unary(Self.block, BytesMessage.self, BytesMessage.self) {
      [self] request, context throws(RPCError) in
      noteStart()
      while !state.withLock({ $0.isOpen }) {}
      return request
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct HandlerLifecycleTests {
  private let service = StubbornService()
  private let serverLoop = EventLoop(name: "server")
  private let clientLoop = EventLoop(name: "client")

  /// A server with the service, and a channel to it.
  private func start(
    _ change: (inout ServerConfiguration) -> Void
  ) async throws -> (server: GRPCServer, channel: GRPCChannel) {
    var configuration = ServerConfiguration.defaults
    configuration.handlerEndWait = .milliseconds(50)
    change(&configuration)
    let server = GRPCServer(
      router: Router(services: [service]), configuration: configuration, loops: [serverLoop])
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    let address = try await server.listen(at: any)
    return (server, GRPCChannel(host: "127.0.0.1", port: address.port, loop: clientLoop))
  }

  private func code(
    _ channel: GRPCChannel, _ method: MethodDescriptor
  ) async -> StatusCode? {
    do throws(RPCError) {
      let _: BytesMessage = try await channel.unary(method, BytesMessage("x"))
      return nil
    } catch {
      return error.code
    }
  }

  @Test func aHandlerThatIgnoresItsCancellationIsGivenUp() async throws {
    let (server, channel) = try await start { _ in }
    async let code = code(channel, StubbornService.wait)
    await service.untilStarted(1)
    let outcome = await server.shutdown(within: .milliseconds(20))
    #expect(await code == .unavailable)
    #expect(outcome.abandonedHandlerCount == 1)
    #expect(outcome.mayStopLoops)
    await channel.close()
    clientLoop.stop()
    serverLoop.stop()
    // It goes on now, on a loop that is gone: nothing may come of it, a trap least of all.
    service.letGo()
  }

  @Test func aLoopWhoseThreadIsKeptIsNamed() async throws {
    let (server, channel) = try await start { _ in }
    async let code = code(channel, StubbornService.block)
    await service.untilStarted(1)
    let outcome = await server.shutdown(within: .milliseconds(20))
    #expect(outcome.blockedLoops == ["server"])
    #expect(!outcome.mayStopLoops)
    service.letGo()
    _ = await code
    await channel.close()
    let second = await server.shutdown(within: .seconds(5))
    #expect(second == ShutdownOutcome())
    clientLoop.stop()
    serverLoop.stop()
  }

  @Test func cancelledCallsKeepTheirHandlersSlots() async throws {
    let (server, channel) = try await start { $0.http2.concurrentStreamsMax = 3 }
    for number in 1...3 {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { _ = await self.code(channel, StubbornService.wait) }
        await service.untilStarted(number)
        group.cancelAll()
      }
    }
    // The connection has no stream open, and three handlers that run.
    #expect(await code(channel, StubbornService.wait) == .unavailable)
    #expect(service.startCount == 3)
    service.letGo()
    // Each slot is free when its handler has ended: when the loop has come round.
    for _ in 0..<2 { _ = await server.metrics() }
    #expect(await code(channel, StubbornService.wait) == nil)
    #expect(service.startCount == 4)
    await channel.close()
    #expect(await server.shutdown(within: .seconds(5)) == ShutdownOutcome())
    clientLoop.stop()
    serverLoop.stop()
  }
}
