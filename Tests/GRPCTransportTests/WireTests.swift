import Buffers
import GRPC
import Testing

@testable import GRPCTransport

struct WireTests {
  @Test(arguments: ["", "plain", "100 %", "tab\tand\nline", "naïve ☎", "\0\u{7f}"])
  func percentEncodingGivesTheTextBack(text: String) {
    let encoded = PercentEncoding.encode(text)
    #expect(encoded.utf8.allSatisfy { (0x20...0x7e).contains($0) })
    #expect(PercentEncoding.decode(Array(encoded.utf8)) == text)
  }

  @Test func malformedPercentSignsStay() {
    #expect(PercentEncoding.encode("a%b é") == "a%25b %C3%A9")
    #expect(PercentEncoding.decode(Array("%zz%2".utf8)) == "%zz%2")
    #expect(PercentEncoding.decode(Array("%c3%A9".utf8)) == "é")
  }

  @Test(arguments: [
    ("1H", Duration.seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
    ("4m", .milliseconds(4)), ("5u", .microseconds(5)), ("99999999n", .nanoseconds(99_999_999)),
  ])
  func timeoutsHaveSixUnits(text: String, duration: Duration) {
    #expect(Array(text.utf8).withBytes { GRPCTimeout.decode($0) } == duration)
  }

  @Test(arguments: ["", "1", "S", "123456789S", "1x", "-1S", "1 S", "1.0S"])
  func malformedTimeoutsAreNone(text: String) {
    #expect(Array(text.utf8).withBytes { GRPCTimeout.decode($0) } == nil)
  }

  @Test(arguments: [
    Duration.nanoseconds(1), .microseconds(1500), .milliseconds(250), .seconds(30),
    .seconds(86_400), .seconds(100_000_000),
  ])
  func timeoutsComeBackNearlyAsTheyWere(duration: Duration) {
    let text = GRPCTimeout.encode(duration)
    #expect(text.utf8.count <= 9)
    let decoded = Array(text.utf8).withBytes { GRPCTimeout.decode($0) }
    #expect((decoded ?? .zero) <= duration)
    #expect((decoded ?? .zero) * 1.001 >= duration)
  }

  @Test(arguments: [1, 2, 5, 6, 1000])
  func messagesAreCutHoweverTheyCome(step: Int) {
    let messages: [[UInt8]] = [[], [1], Array(repeating: 2, count: 300), [], [3, 4]]
    var writer = ByteWriter()
    for message in messages {
      #expect(MessageReader.append(to: &writer) { $0.append(message) } == message.count)
    }
    var reader = MessageReader(sizeMax: 300)
    var found: [[UInt8]] = []
    var rest = writer.array()[...]
    while !rest.isEmpty {
      Array(rest.prefix(step)).withBytes { reader.append($0) }
      rest = rest.dropFirst(step)
      while case .message(let message) = reader.next() { found.append(message) }
    }
    #expect(found == messages)
    #expect(reader.pendingByteCount == 0)
  }

  @Test func aMessageThatIsTooLargeIsKnownByItsPrefix() {
    var reader = MessageReader(sizeMax: 4 << 20)
    ([0, 0, 0x50, 0, 0] as [UInt8]).withBytes { reader.append($0) }
    guard case .broken(let error) = reader.next() else {
      Issue.record("not refused")
      return
    }
    #expect(error == RPCError(.resourceExhausted, "Message is 5 MiB; the limit is 4 MiB."))
  }

  @Test func aCompressedMessageIsRefused() {
    var reader = MessageReader(sizeMax: 100)
    ([1] as [UInt8]).withBytes { reader.append($0) }
    guard case .broken(let error) = reader.next() else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .internal)
  }
}
