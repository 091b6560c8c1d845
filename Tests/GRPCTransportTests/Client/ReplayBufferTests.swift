import Testing

@testable import GRPCTransport

@Suite struct ReplayBufferTests {
  private func content(_ buffer: ReplayBuffer) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    buffer.visit { messages.append($0.bytes) }
    return messages
  }

  @Test func keepsOrder() {
    var buffer = ReplayBuffer(byteCountMax: 10)
    for byte in 1...3 { buffer.append(OutgoingMessage(bytes: [UInt8(byte)])) }
    buffer.enforceBound()
    #expect(buffer.isComplete)
    #expect(content(buffer) == [[1], [2], [3]])
  }

  @Test func dropsAllBeyondItsBound() {
    var buffer = ReplayBuffer(byteCountMax: 4)
    buffer.append(OutgoingMessage(bytes: [1, 2, 3]))
    buffer.append(OutgoingMessage(bytes: [4, 5]))
    #expect(content(buffer).count == 2)
    buffer.enforceBound()
    #expect(!buffer.isComplete)
    buffer.append(OutgoingMessage(bytes: [6]))
    #expect(content(buffer).isEmpty)
  }
}
