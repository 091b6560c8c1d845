import Buffers
import Compression
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

  @Test(arguments: [
    (" a ", "%20a%20"), ("  ", "%20%20"), (" ", "%20"), ("a b", "a b"), ("", ""),
    ("  a", "%20 a"), ("a  ", "a%20%20"),
  ])
  func spacesAtTheEndsAreEncoded(text: String, encoded: String) {
    #expect(PercentEncoding.encode(text) == encoded)
  }

  @Test(arguments: ["plain text", "☎☎☎", "a é 📞 b", " a  ", "100 %", "    "])
  func aCutTearsNoCharacter(text: String) {
    let whole = PercentEncoding.encode(text)
    var longest = 0
    for sizeMax in 0...(whole.utf8.count + 1) {
      let encoded = PercentEncoding.encode(text, sizeMax: sizeMax)
      #expect(encoded.utf8.count <= sizeMax)
      #expect(!encoded.hasPrefix(" ") && !encoded.hasSuffix(" "))
      #expect(text.hasPrefix(PercentEncoding.decode(Array(encoded.utf8))))
      longest = max(longest, encoded.utf8.count)
    }
    #expect(longest == whole.utf8.count)
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
    // One message of a unary call, lent.
    for message in messages {
      var one = ByteWriter()
      _ = MessageReader.append(to: &one) { $0.append(message) }
      var rest = one.array()[...]
      var lent: [UInt8]?
      while !rest.isEmpty {
        #expect(lent == nil)
        Array(rest.prefix(step)).withBytes { reader.append($0) }
        rest = rest.dropFirst(step)
        lent = reader.withOnlyMessage { bytes, _ in bytes.array() }
      }
      #expect(lent == message)
      let taken = reader.take()
      #expect(taken.pendingByteCount == message.count + 5)
      #expect(reader.pendingByteCount == 0)
    }
  }

  @Test(.timeLimit(.minutes(1))) func manySmallMessagesInSmallPiecesCostNoMoreEach() {
    // A backlog of small messages, of which one is taken for every small piece that comes.
    var backlog = ByteWriter()
    for number in 0..<400_000 {
      _ = MessageReader.append(to: &backlog) { $0.append(UInt8(truncatingIfNeeded: number)) }
    }
    var reader = MessageReader(sizeMax: 300)
    backlog.withBytes { reader.append($0) }
    for number in 0..<800_000 {
      if number % 2 == 0 { ([0, 0, 0] as [UInt8]).withBytes { reader.append($0) } }
      if number % 2 == 1 {
        let last = UInt8(truncatingIfNeeded: 400_000 + number / 2)
        ([0, 1, last] as [UInt8]).withBytes { reader.append($0) }
        guard case .message(let message) = reader.next() else {
          Issue.record("message \(number / 2) is missing")
          return
        }
        #expect(message == [UInt8(truncatingIfNeeded: number / 2)])
      }
    }
    #expect(reader.pendingByteCount == backlog.count)
  }

  @Test func roomGrowsWithWhatComesAndNotWithWhatIsPromised() {
    var reader = MessageReader(sizeMax: 4 << 20)
    ([0, 0, 0x3f, 0xff, 0xff] as [UInt8]).withBytes { reader.append($0) }
    #expect(reader.capacity <= 64)
    let piece = [UInt8](repeating: 1, count: 16 << 10)
    while reader.pendingByteCount < 4_000_000 {
      piece.withBytes { reader.append($0) }
      #expect(reader.capacity <= 2 * reader.pendingByteCount)
    }
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
    var accepting = MessageReader(sizeMax: 100)
    accepting.acceptsCompressed = true
    ([1, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0] as [UInt8]).withBytes { accepting.append($0) }
    for isCompressed in [true, false] {
      guard case .message = accepting.next() else {
        Issue.record("not taken")
        return
      }
      #expect(accepting.isCompressed == isCompressed)
    }
  }
}

/// Which encodings a call's headers allow.
struct CallCompressionTests {
  private func accepted(_ value: String) -> AcceptedEncodings {
    Array(value.utf8).withBytes { AcceptedEncodings($0) }
  }

  @Test(
    arguments: [
      ("", nil), ("identity", nil), ("gzip", .gzip), ("identity,deflate,gzip", .gzip),
      ("identity, deflate", .deflate), (" gzip\t,br", .gzip), ("gzipped,x-gzip", nil),
      (",,,", nil), ("GZIP", nil),
    ] as [(String, CompressionFormat?)])
  func responsesUseWhatTheClientLists(value: String, format: CompressionFormat?) {
    let compression = CallCompression(requests: nil, accepted: accepted(value))
    #expect(compression.responses == format)
    #expect(compression.announcesEncodings)
  }

  @Test func theClientsOwnEncodingIsPreferredButOnlyIfItIsListed() {
    let both = accepted("gzip,deflate")
    #expect(CallCompression(requests: .deflate, accepted: both).responses == .deflate)
    #expect(CallCompression(requests: .deflate, accepted: accepted("gzip")).responses == .gzip)
    #expect(CallCompression(requests: .gzip, accepted: nil).responses == nil)
    #expect(CallCompression(requests: nil, accepted: nil) == .none)
  }

  private func wire(_ message: [UInt8], sizeMin: Int, isForced: Bool) -> [UInt8] {
    var writer = ByteWriter()
    let size = message.withBytes {
      Compressor().append($0, as: .gzip, sizeMin: sizeMin, isForced: isForced, to: &writer)
    }
    let bytes = writer.array()
    #expect(size == bytes.count - MessageReader.prefixSize)
    return bytes
  }

  @Test func smallAndStubbornMessagesGoAsTheyAreUnlessAskedFor() {
    let zeros = [UInt8](repeating: 0, count: 1000)
    #expect(wire(zeros, sizeMin: 1000, isForced: false)[0] == 1)
    #expect(wire(zeros, sizeMin: 1001, isForced: false) == [0, 0, 0, 3, 0xe8] + zeros)
    #expect(wire(zeros, sizeMin: 1001, isForced: true)[0] == 1)
    #expect(wire([7], sizeMin: 0, isForced: false) == [0, 0, 0, 0, 1, 7])
    #expect(wire([7], sizeMin: 0, isForced: true)[0] == 1)
  }

  private func inflate(_ wire: [UInt8], limits: InflationLimits) throws(RPCError) -> [UInt8] {
    var plain = ByteWriter()
    try wire.withBytes { (bytes) throws(RPCError) in
      try Compressor().inflate(message: bytes, from: .gzip, limits: limits, into: &plain)
    }
    return plain.array()
  }

  @Test func inflationSpeaksInStatuses() throws {
    let zeros = [UInt8](repeating: 0, count: 3 << 20)
    let body = Array(wire(zeros, sizeMin: 0, isForced: true).dropFirst(MessageReader.prefixSize))
    #expect(try inflate(body, limits: InflationLimits(sizeMax: 3 << 20, ratioMax: 2000)) == zeros)
    #expect(throws: RPCError.self) { try inflate(body, limits: InflationLimits(sizeMax: 4 << 20)) }
    for limits in [
      InflationLimits(sizeMax: 1000), InflationLimits(sizeMax: 4 << 20, ratioMax: 20),
    ] {
      do throws(RPCError) {
        _ = try inflate(body, limits: limits)
        Issue.record("not refused")
      } catch {
        #expect(error.code == .resourceExhausted)
        #expect(error.message.contains("\(body.count)"))
      }
    }
    #expect(try inflate([], limits: InflationLimits(sizeMax: 0)) == [])
    do throws(RPCError) {
      _ = try inflate([1, 2, 3], limits: InflationLimits(sizeMax: 1000))
      Issue.record("not refused")
    } catch {
      #expect(error.code == .internal)
    }
  }
}

/// A writer that waits for room, and its end, from either side first.
struct RoomWaitTests {
  @Test func aWaitThatWasEndedFirstNeverBegins() async {
    let wait = RoomWait()
    wait.end()
    await withCheckedContinuation { continuation in
      if !wait.begin(continuation) { continuation.resume() }
    }
  }

  @Test func aWaitEndsOnce() async {
    let wait = RoomWait()
    await withCheckedContinuation { continuation in
      #expect(wait.begin(continuation))
      wait.end()
      wait.end()
    }
  }
}
