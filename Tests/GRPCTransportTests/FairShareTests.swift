import EventLoops
import GRPC
import GRPCTransport
import Synchronization
import TestKit
import Testing

/// Writes as much as it can, and tells when the loop came to other work.
private final class Talker: Service {
  static let name = "trunkline.testing.Talker"
  static let fileDescriptorSet: [UInt8] = []
  static let talk = MethodDescriptor(service: name, method: "Talk", kind: .serverStreaming)
  static let listen = MethodDescriptor(service: name, method: "Listen", kind: .clientStreaming)

  let loop: EventLoop
  let messagesBefore = Mutex<Int?>(nil)

  init(loop: EventLoop) { self.loop = loop }

  private func note(_ count: Int) {
    if count == 1 { loop.execute { self.messagesBefore.withLock { $0 = 0 } } }
    messagesBefore.withLock { if $0 == 0 { $0 = count } }
  }

  func register(in router: inout Router) {
    router.serverStreaming(Self.talk, BytesMessage.self, BytesMessage.self) {
      request, responses, context throws(RPCError) in
      for count in 1...1000 {
        try await responses.write(BytesMessage(""))
        self.note(count)
      }
    }
    router.clientStreaming(Self.listen, BytesMessage.self, BytesMessage.self) {
      requests, context throws(RPCError) in
      var count = 0
      while try await requests.next() != nil {
        count += 1
        self.note(count)
      }
      return BytesMessage("\(count)")
    }
  }
}

/// Takes no message before it is cancelled, and tells what it gets then.
private final class Sleeper: Service {
  static let name = "trunkline.testing.Sleeper"
  static let fileDescriptorSet: [UInt8] = []
  static let sleep = MethodDescriptor(service: name, method: "Sleep", kind: .clientStreaming)

  let loop: EventLoop
  let ends = AsyncStream.makeStream(of: StatusCode?.self)

  init(loop: EventLoop) { self.loop = loop }

  func register(in router: inout Router) {
    router.clientStreaming(Self.sleep, BytesMessage.self, BytesMessage.self) {
      requests, context throws(RPCError) in
      try? await self.loop.sleep(for: .seconds(3600))
      do throws(RPCError) {
        let message = try await requests.next()
        self.ends.continuation.yield(message == nil ? nil : .ok)
      } catch {
        self.ends.continuation.yield(error.code)
      }
      return BytesMessage()
    }
  }
}

/// Calls that bring much work let others have their turn, and are served all the same.
@Suite(.timeLimit(.minutes(1))) struct FairShareTests {
  @Test(arguments: [Talker.talk, Talker.listen])
  private func aHandlerThatNeverWaitsLetsOthersPass(_ method: MethodDescriptor) async throws {
    let (serverLoop, clientLoop) = (EventLoop(name: "server"), EventLoop(name: "client"))
    let talker = Talker(loop: serverLoop)
    let server = GRPCServer(router: Router(services: [talker]), loops: [serverLoop])
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    let port = try await server.listen(at: any).port
    let channel = GRPCChannel(host: "127.0.0.1", port: port, loop: clientLoop)
    if method == Talker.talk {
      let count = try await channel.serverStreaming(method, BytesMessage()) {
        (responses: ResponseStream<BytesMessage>) async throws(RPCError) in
        var count = 0
        while try await responses.next() != nil { count += 1 }
        return count
      }
      #expect(count == 1000)
    } else {
      let answer: BytesMessage = try await channel.clientStreaming(method) {
        (requests: RequestWriter<BytesMessage>) async throws(RPCError) in
        for _ in 0..<1000 { try await requests.write(BytesMessage("")) }
      }
      #expect(answer.text == "1000")
    }
    #expect(talker.messagesBefore.withLock { $0 ?? 1000 } <= 130)
    await channel.close()
    await server.shutdown(within: .seconds(5))
    clientLoop.stop()
    serverLoop.stop()
  }

  @Test(arguments: MessageEncoding.allCases)
  func largeCompressedMessagesAreInflated(_ encoding: MessageEncoding) async throws {
    let harness = try await TransportHarness()
    let channel = harness.channel
    let options = CallOptions(compression: encoding)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<12 {
        group.addTask {
          let message = BytesMessage(bytes: Self.bytes(number * 100_000))
          let answer: BytesMessage = try await channel.unary(
            CallTestService.echo, message, options: options)
          #expect(answer == message)
        }
      }
      try await group.waitForAll()
    }
    try await channel.bidirectionalStreaming(CallTestService.chat, options: options) {
      (requests: RequestWriter<BytesMessage>, responses: ResponseStream<BytesMessage>)
        async throws(RPCError) in
      for size in [10, 1_000_000, 100, 300_000] {
        let message = BytesMessage(bytes: Self.bytes(size))
        try await requests.write(message, compress: true)
        guard try await responses.next() == message else { throw RPCError(.dataLoss, "\(size)") }
      }
      try await requests.finish()
    }
    await harness.stop()
  }

  @Test func bombsFailAndTheOthersAreServed() async throws {
    let harness = try await TransportHarness()
    let channel = harness.channel
    let options = CallOptions(compression: .gzip)
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<20 {
        group.addTask {
          let isBomb = number % 2 == 0
          let bytes = isBomb ? [UInt8](repeating: 0, count: 3 << 20) : Self.bytes(200_000)
          let code = await Self.code {
            () async throws(RPCError) in
            let _: BytesMessage = try await channel.unary(
              CallTestService.echo, BytesMessage(bytes: bytes), options: options)
          }
          #expect(code == (isBomb ? .resourceExhausted : nil))
        }
      }
    }
    let code = await Self.code { () async throws(RPCError) in
      let _: BytesMessage = try await channel.clientStreaming(
        CallTestService.join, options: options
      ) { (requests: RequestWriter<BytesMessage>) async throws(RPCError) in
        try await requests.write(
          BytesMessage(bytes: [UInt8](repeating: 0, count: 3 << 20)), compress: true)
      }
    }
    #expect(code == .resourceExhausted)
    await harness.stop()
  }

  /// Calls that end before their turn comes hold up nobody.
  @Test func callsThatEndBeforeTheyAreInflatedAreDropped() async throws {
    let harness = try await TransportHarness()
    let channel = harness.channel
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<16 {
        group.addTask {
          let timeout = Duration.milliseconds(number % 4 == 3 ? 30_000 : number)
          let options = CallOptions(timeout: timeout, compression: .gzip)
          let code = await Self.code { () async throws(RPCError) in
            let _: BytesMessage = try await channel.unary(
              CallTestService.echo, BytesMessage(bytes: Self.bytes(2_000_000)), options: options)
          }
          #expect(code == nil || number % 4 != 3 && code == .deadlineExceeded)
        }
      }
    }
    await harness.stop()
  }

  /// What a client has sent to a call that is over is not looked at.
  @Test func messagesOfAnEndedCallAreDropped() async throws {
    let (serverLoop, clientLoop) = (EventLoop(name: "server"), EventLoop(name: "client"))
    let sleeper = Sleeper(loop: serverLoop)
    let server = GRPCServer(router: Router(services: [sleeper]), loops: [serverLoop])
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    let port = try await server.listen(at: any).port
    let channel = GRPCChannel(host: "127.0.0.1", port: port, loop: clientLoop)
    let code = await Self.code { () async throws(RPCError) in
      let _: BytesMessage = try await channel.clientStreaming(
        Sleeper.sleep, options: CallOptions(timeout: .seconds(1))
      ) { (requests: RequestWriter<BytesMessage>) async throws(RPCError) in
        while true { try await requests.write(BytesMessage("")) }
      }
    }
    #expect(code == .deadlineExceeded)
    for await error in sleeper.ends.stream {
      // The client's reset may come first.
      #expect(error == .deadlineExceeded || error == .cancelled)
      break
    }
    await channel.close()
    await server.shutdown(within: .seconds(5))
    clientLoop.stop()
    serverLoop.stop()
  }

  /// Bytes that compress a little. What zlib sees of them never repeats: its window is smaller.
  private static func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count { bytes += noise.prefix(count - bytes.count) }
    return bytes
  }

  private static let noise: [UInt8] = {
    var state: UInt32 = 1
    return (0..<40_000).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24) & 0x0f
    }
  }()

  private static func code(_ body: () async throws(RPCError) -> Void) async -> StatusCode? {
    do throws(RPCError) {
      try await body()
      return nil
    } catch {
      return error.code
    }
  }
}
