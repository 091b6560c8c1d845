import Buffers
import EventLoops
import GRPC
import GRPCTransport
import Protobuf
import Synchronization
import TestKit
import Testing

/// Where a test's requests were read.
private final class Reads: Sendable {
  /// Of the tests that run, by the first byte of their requests.
  static let ofTests = Mutex<[UInt8: Reads]>([:])

  let loop: EventLoop
  /// For each request whether that was on the loop.
  let places = Mutex<[Bool]>([])

  init(_ loop: EventLoop) { self.loop = loop }
}

/// A message that takes long if its second byte says so.
private struct WeightyMessage: Message {
  static let fullName = "trunkline.testing.Weighty"
  var bytes: [UInt8] = []

  init() {}

  init(of test: UInt8, isLong: Bool) {
    bytes = [test, isLong ? 1 : 0] + [UInt8](repeating: 7, count: 20_000)
  }

  init(serialized bytes: RawSpan, limits: DecodingLimits) throws(DecodingError) {
    self.bytes = bytes.array()
    guard let reads = Reads.ofTests.withLock({ $0[self.bytes.first ?? 0] }) else {
      throw .malformed
    }
    reads.places.withLock { $0.append(reads.loop.isCurrent) }
  }

  static func takesLong(serialized bytes: RawSpan) -> Bool { bytes.byte(at: 1) == 1 }

  var serializedSize: Int { bytes.count }

  func serialize(into writer: inout ByteWriter) { writer.append(bytes) }
}

private final class WeightyService: Service {
  static let name = "trunkline.testing.Weighty"
  static let fileDescriptorSet: [UInt8] = []
  static let one = MethodDescriptor(service: name, method: "One", kind: .unary)
  static let many = MethodDescriptor(service: name, method: "Many", kind: .clientStreaming)

  func register(in router: inout Router) {
    router.unary(Self.one, WeightyMessage.self, BytesMessage.self) {
      request, _ throws(RPCError) in
      BytesMessage("\(request.bytes.count)")
    }
    router.clientStreaming(Self.many, WeightyMessage.self, BytesMessage.self) {
      requests, _ throws(RPCError) in
      var size = 0
      while let request = try await requests.next() { size += request.bytes.count }
      return BytesMessage("\(size)")
    }
  }
}

/// Takes its time to let a call in.
private struct SlowAdmission: CallAdmission {
  func verdict(on request: AdmissionRequest) -> AdmissionVerdict {
    .undecided { () async throws(RPCError) in "somebody" }
  }
}

/// Requests that take long are read beside the loop, and others on it.
@Suite(.timeLimit(.minutes(1))) struct AsideTests {
  private static func placesOfReads(
    _ test: UInt8, admission: (any CallAdmission)? = nil,
    _ body: (GRPCChannel) async throws -> Void
  ) async throws -> [Bool] {
    let (serverLoop, clientLoop) = (EventLoop(name: "server"), EventLoop(name: "client"))
    let reads = Reads(serverLoop)
    Reads.ofTests.withLock { $0[test] = reads }
    let server = GRPCServer(
      router: Router(services: [WeightyService()], admission: admission), loops: [serverLoop])
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    let port = try await server.listen(at: any).port
    let channel = GRPCChannel(host: "127.0.0.1", port: port, loop: clientLoop)
    try await body(channel)
    await channel.close()
    await server.shutdown(within: .seconds(5))
    clientLoop.stop()
    serverLoop.stop()
    return reads.places.withLock { $0 }
  }

  private static func call(_ channel: GRPCChannel, _ test: UInt8, isLong: Bool) async throws {
    let answer: BytesMessage = try await channel.unary(
      WeightyService.one, WeightyMessage(of: test, isLong: isLong))
    #expect(answer.text == "20002")
  }

  @Test func requestsOfUnaryCalls() async throws {
    let places = try await Self.placesOfReads(1) { channel in
      try await Self.call(channel, 1, isLong: false)
      try await Self.call(channel, 1, isLong: true)
      try await Self.call(channel, 1, isLong: false)
    }
    #expect(places == [true, false, true])
  }

  @Test func requestsOfCallsThatWaitToBeLetIn() async throws {
    let places = try await Self.placesOfReads(2, admission: SlowAdmission()) { channel in
      try await Self.call(channel, 2, isLong: false)
      try await Self.call(channel, 2, isLong: true)
    }
    #expect(places == [true, false])
  }

  @Test func requestsOfStreams() async throws {
    let places = try await Self.placesOfReads(3) { channel in
      let answer: BytesMessage = try await channel.clientStreaming(WeightyService.many) {
        (requests: RequestWriter<WeightyMessage>) async throws(RPCError) in
        for isLong in [true, false, true] {
          try await requests.write(WeightyMessage(of: 3, isLong: isLong))
        }
      }
      #expect(answer.text == "60006")
    }
    #expect(places == [false, true, false])
  }

  @Test func aRequestThatCannotBeReadIsRefused() async throws {
    let places = try await Self.placesOfReads(4) { channel in
      for isLong in [true, false] {
        await #expect {
          // Nobody's number.
          let _: BytesMessage = try await channel.unary(
            WeightyService.one, WeightyMessage(of: 99, isLong: isLong))
        } throws: {
          ($0 as? RPCError)?.code == .invalidArgument
        }
      }
    }
    #expect(places.isEmpty)
  }
}
