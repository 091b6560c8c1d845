import Buffers
import Testing

@testable import HTTP2

private typealias FrameType = FrameScanner.FrameType

/// A server's session, attacked with frames that are made by hand.
private final class Attacked: HTTP2SessionDelegate {
  final class Handler: HTTP2StreamHandler {
    let stream: HTTP2Stream
    var isTruncated = false
    var byteCount = 0
    var code: HTTP2ErrorCode?
    init(_ stream: HTTP2Stream) { self.stream = stream }
    func received(headers: borrowing HeaderBlock, endsStream: Bool) {
      isTruncated = headers.isTruncated
    }
    func received(data: RawSpan, endsStream: Bool) { byteCount += data.byteCount }
    func receivedEnd() {}
    func streamHasRoom() {}
    func streamClosed(_ code: HTTP2ErrorCode) { self.code = code }
  }

  let session: HTTP2Session
  var handlers: [Handler] = []
  /// What the session has sent.
  var sent: [UInt8] = []

  init(_ configuration: HTTP2Configuration = .defaults) throws {
    session = HTTP2Session(role: .server, configuration: configuration)
    session.delegate = self
    try receive(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(FrameType.settings))
    try receive(frame(FrameType.settings, flags: 1))
  }

  func makeHandler(for stream: HTTP2Stream) -> any HTTP2StreamHandler {
    let handler = Handler(stream)
    handlers.append(handler)
    return handler
  }
  func settingsReceived() {}
  func pingAcknowledged() {}
  func goAwayReceived(lastStreamID: Int32, code: HTTP2ErrorCode, debugData: String) {}

  /// Takes `bytes`, then says what it has to say, unless the peer reads nothing.
  func receive(_ bytes: [UInt8], sends: Bool = true) throws(HTTP2Error) {
    defer { session.delegate = self }
    try bytes.withBytes { bytes throws(HTTP2Error) in try session.receive(bytes) }
    if sends { try send() }
  }

  func send() throws(HTTP2Error) {
    var writer = ByteWriter()
    try session.send(into: &writer, upTo: 1 << 20)
    sent += writer.array()
  }

  /// The reason in the last GOAWAY that has one.
  var reason: String? {
    var reason: String?
    var rest = sent[...]
    while rest.count >= 9 {
      let head = Array(rest.prefix(9))
      let size = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
      let payload = rest.dropFirst(9).prefix(size)
      if head[3] == FrameType.goAway, size > 8 {
        reason = String(decoding: payload.dropFirst(8), as: UTF8.self)
      }
      rest = rest.dropFirst(9 + size)
    }
    return reason
  }
}

/// The literal field `name: value`, not indexed and not compressed (RFC 7541, section 6.2.2).
private func literal(_ name: String, _ value: String) -> [UInt8] {
  precondition(name.utf8.count < 127)
  var bytes: [UInt8] = [0, UInt8(name.utf8.count)] + Array(name.utf8)
  var size = value.utf8.count
  if size < 127 {
    bytes.append(UInt8(size))
  } else {
    bytes.append(127)
    size -= 127
    while size >= 128 {
      bytes.append(UInt8(size % 128) | 128)
      size /= 128
    }
    bytes.append(UInt8(size))
  }
  return bytes + Array(value.utf8)
}

/// POST / over http, with an authority.
private let pseudo: [UInt8] = [0x83, 0x86, 0x84] + literal(":authority", "h")

private func request(_ stream: UInt32, _ fields: [UInt8] = [], flags: UInt8 = 4) -> [UInt8] {
  frame(FrameType.headers, flags: flags, stream: stream, pseudo + fields)
}

struct HTTP2GuardTests {
  /// Sends `bytes` until the session ends, at most `bound` times; the reason it gave.
  private func reason(
    _ attacked: Attacked, upTo bound: Int, _ bytes: (Int) -> [UInt8]
  ) throws -> FloodReason? {
    for turn in 0..<bound {
      do {
        try attacked.receive(bytes(turn))
        if case .flood(let reason) = attacked.session.failure { return reason }
      } catch HTTP2Error.flood(let reason) {
        try attacked.send()
        return reason
      }
    }
    return nil
  }

  @Test(arguments: [
    (FrameScanner.FrameType.ping, 8, FloodReason.pings),
    (FrameScanner.FrameType.settings, 0, .settings),
    (FrameScanner.FrameType.priority, 5, .priorities),
    (0xfa, 3, .unknownFrames),
  ])
  func floodsOfControlFramesEndTheSession(type: UInt8, size: Int, reason: FloodReason) throws {
    let attacked = try Attacked()
    let stream: UInt32 = type == FrameType.priority ? 3 : 0
    let bytes = frame(type, stream: stream, [UInt8](repeating: 0, count: size))
    #expect(try self.reason(attacked, upTo: 2_000) { _ in bytes } == reason)
    #expect(attacked.reason == reason.rawValue)
    #expect(attacked.session.isOver)
    // Whatever else comes is not even looked at.
    try attacked.receive(bytes)
  }

  @Test func aFloodInOneReadIsNotHandledAtAll() throws {
    let attacked = try Attacked()
    let pings = (0..<3_000).flatMap { _ in frame(FrameType.ping, [UInt8](repeating: 0, count: 8)) }
    #expect(throws: HTTP2Error.flood(.pings)) { try attacked.receive(request(1) + pings) }
    #expect(attacked.handlers.isEmpty)
  }

  @Test func windowUpdatesOfSingleBytesEndTheSession() throws {
    let attacked = try Attacked()
    let bytes = frame(FrameType.windowUpdate, [0, 0, 0, 1])
    #expect(try reason(attacked, upTo: 2_000) { _ in bytes } == .windowUpdates)
  }

  @Test(arguments: [0, 1])
  func emptyDataEndsTheSession(padding: Int) throws {
    let attacked = try Attacked()
    try attacked.receive(request(1))
    let bytes =
      padding == 0
      ? frame(FrameType.data, stream: 1) : frame(FrameType.data, flags: 8, stream: 1, [0])
    #expect(try reason(attacked, upTo: 500) { _ in bytes } == .emptyFrames)
  }

  @Test func resetsInTheReadOfTheirRequestsStartNothing() throws {
    let attacked = try Attacked()
    for turn in 0..<100 {
      let id = UInt32(2 * turn + 1)
      try attacked.receive(request(id) + frame(FrameType.resetStream, stream: id, [0, 0, 0, 8]))
    }
    #expect(attacked.handlers.isEmpty)
    #expect(attacked.session.streamCount == 0)
    try attacked.receive(request(201))
    #expect(attacked.handlers.count == 1)
  }

  @Test func rapidResetEndsTheSession() throws {
    let attacked = try Attacked()
    let reason = try reason(attacked, upTo: 40_000) { turn in
      let id = UInt32(2 * turn + 1)
      return request(id) + frame(FrameType.resetStream, stream: id, [0, 0, 0, 8])
    }
    #expect(reason == .resets)
  }

  @Test func inducedResetsEndTheSession() throws {
    let attacked = try Attacked()
    let overflow = { (id: UInt32) in
      frame(FrameType.windowUpdate, stream: id, [0x7f, 0xff, 0xff, 0xff])
    }
    let reason = try reason(attacked, upTo: 1_000) { turn in
      let id = UInt32(2 * turn + 1)
      return request(id) + overflow(id)
    }
    #expect(reason == .inducedResets)
  }

  @Test func oneSettingsFrameThatOverflowsEveryStreamIsHarmless() throws {
    let attacked = try Attacked()
    for turn in 0..<250 {
      let id = UInt32(2 * turn + 1)
      try attacked.receive(request(id))
      try attacked.receive(frame(FrameType.windowUpdate, stream: id, [0x7f, 0xff, 0, 0]))
    }
    let settings = frame(FrameType.settings, [0, 4, 0x7f, 0xff, 0xff, 0xff])
    #expect(try reason(attacked, upTo: 1) { _ in settings } == .inducedResets)
    try attacked.send()
    #expect(attacked.session.isOver)
  }

  @Test func continuationsWithoutEndEndTheSession() throws {
    let attacked = try Attacked()
    try attacked.receive(request(1, flags: 0))
    let more = frame(FrameType.continuation, stream: 1, literal("a", "b"))
    #expect(try reason(attacked, upTo: 50) { _ in more } == .continuations)
  }

  @Test func aBlockThatComesByteByByteIsNotAFlood() throws {
    let attacked = try Attacked()
    let bytes =
      request(1, flags: 0) + frame(FrameType.continuation, flags: 4, stream: 1, literal("a", "b"))
    for byte in bytes { try attacked.receive([byte]) }
    #expect(attacked.handlers.count == 1)
    #expect(attacked.handlers.first?.isTruncated == false)
  }

  @Test func theSecondHeaderBombEndsTheSession() throws {
    let attacked = try Attacked()
    // One field of 4,000 bytes goes into the table; each further byte stands for it.
    let big = [0x40] + literal("a", String(repeating: "x", count: 4_000)).dropFirst()
    let bomb = { (id: UInt32) in
      request(id, (id == 1 ? big : []) + [UInt8](repeating: 0xbe, count: 8_000), flags: 5)
    }
    // Of the first one little is read, and nobody hears of it; what follows is understood.
    try attacked.receive(bomb(1))
    #expect(attacked.handlers.isEmpty && attacked.session.streamCount == 0)
    #expect(attacked.session.headers.openFields < 100)
    try attacked.receive(request(3, [0xbe]))
    #expect(attacked.handlers.map(\.isTruncated) == [false])
    #expect(throws: HTTP2Error.flood(.hugeHeaderBlocks)) {
      try attacked.receive(bomb(5) + request(7))
    }
    #expect(attacked.handlers.count == 1)
  }

  /// A block that is large by mistake is told so.
  @Test func aLargeBlockIsReadToItsEnd() throws {
    let attacked = try Attacked()
    try attacked.receive(request(1, (0..<1000).flatMap { _ in literal("a", "b") }))
    #expect(attacked.handlers.map(\.isTruncated) == [true])
    #expect(attacked.session.headers.openFields > 1000)
  }

  @Test func cookieCrumbsAreFields() throws {
    let attacked = try Attacked()
    let crumbs = (0..<200).flatMap { _ in literal("cookie", "a=b") }
    try attacked.receive(request(1, crumbs))
    #expect(attacked.handlers.first?.isTruncated == true)
  }

  @Test func aFieldWithoutANameResetsItsStreamOnly() throws {
    let attacked = try Attacked()
    try attacked.receive(request(1, literal("", "x")) + request(3))
    #expect(attacked.handlers.map(\.stream.id) == [3])
    #expect(attacked.session.failure == nil)
  }

  @Test func aValueMayBeginAndEndWithBlanks() throws {
    let attacked = try Attacked()
    try attacked.receive(request(1, literal("a", " b ")))
    #expect(attacked.handlers.first?.code == nil)
    #expect(attacked.session.streamCount == 1)
  }

  @Test func aPeerThatReadsNoAnswersIsCutOff() throws {
    var configuration = HTTP2Configuration.defaults
    configuration.unreadAcknowledgementsMax = 100
    let attacked = try Attacked(configuration)
    let ping = frame(FrameType.ping, [UInt8](repeating: 0, count: 8))
    var end: HTTP2Error?
    for _ in 0..<200 where end == nil {
      do throws(HTTP2Error) { try attacked.receive(ping, sends: false) } catch { end = error }
    }
    #expect(end == .flood(.unreadFrames))
    try attacked.send()
    #expect(attacked.reason == FloodReason.unreadFrames.rawValue)
  }

  @Test func resetsThatNobodyReadsAreCutOff() throws {
    var configuration = HTTP2Configuration.defaults
    configuration.unreadFramesMax = 50
    let attacked = try Attacked(configuration)
    var end: HTTP2Error?
    for turn in 0..<200 where end == nil {
      let bytes = request(UInt32(2 * turn + 1), literal("", "x"))
      do throws(HTTP2Error) { try attacked.receive(bytes, sends: false) } catch { end = error }
    }
    #expect(end == .flood(.unreadFrames))
  }

  @Test func brokenBlocksLeaveNothingBehind() throws {
    let attacked = try Attacked()
    for turn in 0..<150 {
      let big = literal("a", String(repeating: "x", count: 10_000))
      try attacked.receive(request(UInt32(2 * turn + 1), big + literal("", "x")))
      #expect(attacked.session.headers.byteCount < 20_000)
    }
  }

  @Test func blocksThatAreSplitOverReadsLeaveNothingBehind() throws {
    let attacked = try Attacked()
    let blocks = (0..<200).map { turn in
      request(UInt32(2 * turn + 1), literal("a", String(repeating: "x", count: 1_000 + turn)))
    }
    var carried: [UInt8] = []
    for block in blocks {
      // Each read ends in the middle of a block.
      try attacked.receive(carried + block.prefix(500))
      carried = Array(block.dropFirst(500))
      #expect(attacked.session.headers.byteCount < 5_000)
    }
    try attacked.receive(carried)
    #expect(attacked.handlers.count == 200)
    #expect(attacked.handlers.allSatisfy { !$0.isTruncated })
  }

  @Test func oneReadUnpacksToNoMoreThanItsBound() throws {
    var configuration = HTTP2Configuration.defaults
    configuration.headerBytesPerReadMax = 20_000
    let attacked = try Attacked(configuration)
    let field = { (id: UInt32) in literal("a", String(repeating: "\(id % 10)", count: 9_000)) }
    try attacked.receive((0..<5).flatMap { request(UInt32(2 * $0 + 1), field(UInt32($0))) })
    #expect(attacked.handlers.map(\.isTruncated) == [false, false, false, true, true])
    try attacked.receive(request(21, field(3)))
    #expect(attacked.handlers.last?.isTruncated == false)
  }

  @Test func anAnswerWhoseHeadersAreTooLongResetsItsStream() throws {
    let attacked = try Attacked()
    try attacked.receive(request(1))
    let handler = try #require(attacked.handlers.first)
    var headers = HeaderList()
    headers.append(":status", "200")
    headers.append("a", String(repeating: "\u{1}", count: 70_000), isIndexed: false)
    attacked.session.submitHeadersOnlyResponse(handler.stream, preset: nil, headers)
    try attacked.send()
    #expect(handler.code == .internalError)
    #expect(attacked.session.failure == nil)
  }

  @Test func aSessionWithoutStreamsTakesNothingMore() throws {
    let attacked = try Attacked()
    try attacked.receive(request(1))
    let stream = try #require(attacked.handlers.first?.stream)
    attacked.session.submitResponse(stream, preset: nil, HeaderList())
    attacked.session.write(to: stream) { $0.append(utf8: "answer") }
    attacked.handlers = []
    attacked.session.closeAllStreams(.cancel)
    attacked.sent = []
    try attacked.receive(request(3))
    #expect(attacked.handlers.isEmpty)
    #expect(attacked.sent.isEmpty)
    #expect(attacked.session.isOver)
  }
}
