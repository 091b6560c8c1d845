import GRPC
import GRPCInProcess
import Telemetry
import TestKit
import Testing

/// A call made by a handler belongs to the trace of the handler's own call.
struct TracePropagationTests {
  private static let inner = MethodDescriptor(service: "t.S", method: "Inner", kind: .unary)
  private static let outer = MethodDescriptor(service: "t.S", method: "Outer", kind: .unary)
  private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

  /// Inner answers with the trace that it was called with; Outer with Inner's answer.
  private func channel() -> InProcessChannel {
    var router = Router()
    router.unary(Self.inner, BytesMessage.self, BytesMessage.self) {
      (_, context) async throws(RPCError) in
      let parent = context.metadata["traceparent"] ?? "none"
      return BytesMessage("\(parent) \(context.metadata["tracestate"] ?? "none")")
    }
    let inside = InProcessChannel(router: router)
    var outside = Router()
    outside.unary(Self.outer, BytesMessage.self, BytesMessage.self) {
      (request, _) async throws(RPCError) in
      try await inside.unary(Self.inner, request)
    }
    return InProcessChannel(router: outside)
  }

  @Test func aTraceIsHandedOn() async throws {
    let options = CallOptions(metadata: [
      "traceparent": .text(Self.parent), "tracestate": "a=1",
    ])
    let answer: BytesMessage = try await channel().unary(
      Self.outer, BytesMessage("x"), options: options)
    #expect(answer.text == "\(Self.parent) a=1")
  }

  @Test func noTraceIsMadeUp() async throws {
    let answer: BytesMessage = try await channel().unary(Self.outer, BytesMessage("x"))
    #expect(answer.text == "none none")
  }

  @Test func aMalformedTraceEndsHere() async throws {
    let options = CallOptions(metadata: ["traceparent": "00-zz"])
    let answer: BytesMessage = try await channel().unary(
      Self.outer, BytesMessage("x"), options: options)
    #expect(answer.text == "none none")
  }
}
