import Buffers
import HTTP2
import Testing

/// What happened on one stream, in order.
private final class RecordingHandler: HTTP2StreamHandler {
  enum Happening: Equatable {
    case headers([String: String], end: Bool)
    case data([UInt8], end: Bool)
    case end
    case room
    case closed(HTTP2ErrorCode)
  }

  let stream: HTTP2Stream
  var happenings: [Happening] = []
  var isTruncated = false
  var version = 0
  var onHeaders: (HTTP2Stream) -> Void = { _ in }

  init(_ stream: HTTP2Stream) { self.stream = stream }

  func received(headers: borrowing HeaderBlock, endsStream: Bool) {
    var fields: [String: String] = [:]
    headers.visitFields { _, name, value in fields[name.string()] = value.string() }
    isTruncated = headers.isTruncated
    version = headers.version
    happenings.append(.headers(fields, end: endsStream))
    onHeaders(stream)
  }

  func received(data: RawSpan, endsStream: Bool) {
    happenings.append(.data(data.array(), end: endsStream))
  }

  func receivedEnd() { happenings.append(.end) }
  func streamHasRoom() { happenings.append(.room) }
  func streamClosed(_ code: HTTP2ErrorCode) { happenings.append(.closed(code)) }

  /// A field of the first headers.
  func field(_ name: String) -> String? {
    guard case .headers(let fields, _) = happenings.first else { return nil }
    return fields[name]
  }

  var payload: [UInt8] {
    happenings.flatMap { happening -> [UInt8] in
      guard case .data(let bytes, _) = happening else { return [] }
      return bytes
    }
  }
}

/// A session with what it was told.
private final class Peer: HTTP2SessionDelegate {
  let session: HTTP2Session
  var handlers: [RecordingHandler] = []
  var pings = 0
  var pingsReceived = 0
  var settingsAcknowledgements = 0
  var reasons: [String] = []
  var goAways: [Int32] = []
  var onHeaders: (HTTP2Session, HTTP2Stream) -> Void = { _, _ in }

  init(_ role: HTTP2Session.Role, _ configuration: HTTP2Configuration = .defaults) {
    session = HTTP2Session(role: role, configuration: configuration)
    session.delegate = self
  }

  func makeHandler(for stream: HTTP2Stream) -> any HTTP2StreamHandler {
    let handler = RecordingHandler(stream)
    handler.onHeaders = { [unowned self] in onHeaders(session, $0) }
    handlers.append(handler)
    return handler
  }

  func settingsReceived() {}
  func pingAcknowledged() { pings += 1 }
  func pingReceived() { pingsReceived += 1 }
  func settingsAcknowledged() { settingsAcknowledgements += 1 }
  func goAwayReceived(lastStreamID: Int32, code: HTTP2ErrorCode, debugData: String) {
    goAways.append(lastStreamID)
    reasons.append(debugData)
  }

  /// Opens a stream with a request.
  func request(_ fields: [(String, String)] = [], ending: Bool) -> RecordingHandler {
    let stream = HTTP2Stream()
    let handler = RecordingHandler(stream)
    var list = HeaderList()
    let pseudo = [
      (":method", "POST"), (":scheme", "http"), (":path", "/s/m"), (":authority", "h"),
    ]
    for (name, value) in pseudo + fields { list.append(name, value) }
    let isTaken = session.submitRequest(stream, preset: nil, list)
    #expect(isTaken)
    stream.handler = handler
    if ending { session.end(stream) }
    return handler
  }
}

/// A client and a server whose bytes are carried by hand, `step` at a time.
private struct Pair {
  let client = Peer(.client)
  let server: Peer
  var step = Int.max

  init(_ configuration: HTTP2Configuration = .defaults) { server = Peer(.server, configuration) }

  func settle() throws {
    defer {
      client.session.delegate = client
      server.session.delegate = server
    }
    while try carry(client.session, server.session) || carry(server.session, client.session) {}
  }

  private func carry(_ from: HTTP2Session, _ to: HTTP2Session) throws -> Bool {
    var writer = ByteWriter()
    try from.send(into: &writer, upTo: 1 << 20)
    var rest = writer.array()[...]
    let carried = !rest.isEmpty
    while !rest.isEmpty {
      let chunk = Array(rest.prefix(step))
      rest = rest.dropFirst(step)
      try chunk.withBytes { bytes throws(HTTP2Error) in try to.receive(bytes) }
    }
    return carried
  }
}

private let ok = HeaderPreset([(":status", "200")])
private let trailers = HeaderPreset([("grpc-status", "0")])

struct HTTP2SessionTests {
  @Test(arguments: [Int.max, 7, 1])
  func requestAndAnswerWithTrailers(step: Int) throws {
    var pair = Pair()
    pair.step = step
    pair.server.onHeaders = { session, stream in
      session.submitResponse(stream, preset: ok, HeaderList())
      session.write(to: stream) { $0.append(utf8: "answer") }
      session.end(stream, trailers: trailers)
    }
    let call = pair.client.request([("x-a", "1")], ending: false)
    pair.client.session.write(to: call.stream) { $0.append(utf8: "question") }
    pair.client.session.end(call.stream)
    try pair.settle()
    let served = try #require(pair.server.handlers.first)
    guard case .headers(let fields, end: false) = served.happenings.first else {
      Issue.record("no request: \(served.happenings)")
      return
    }
    #expect(fields[":path"] == "/s/m")
    #expect(fields["x-a"] == "1")
    #expect(served.payload == Array("question".utf8))
    #expect(served.happenings.last == .closed(.noError))
    #expect(call.happenings.first == .headers([":status": "200"], end: false))
    #expect(call.payload == Array("answer".utf8))
    #expect(call.happenings.contains(.headers(["grpc-status": "0"], end: true)))
    #expect(call.happenings.last == .closed(.noError))
    #expect(pair.server.session.streamCount == 0)
    #expect(pair.client.session.streamCount == 0)
  }

  @Test func anEarlyAnswerStopsTheRequest() throws {
    let pair = Pair()
    pair.server.onHeaders = { session, stream in
      session.submitHeadersOnlyResponse(stream, preset: ok, HeaderList())
    }
    let call = pair.client.request(ending: false)
    try pair.settle()
    #expect(call.happenings == [.headers([":status": "200"], end: true), .closed(.noError)])
    #expect(pair.server.handlers.first?.happenings.last == .closed(.noError))
  }

  @Test func aResetReachesTheOtherSide() throws {
    let pair = Pair()
    let call = pair.client.request(ending: false)
    try pair.settle()
    pair.client.session.reset(call.stream, .cancel)
    try pair.settle()
    #expect(pair.server.handlers.first?.happenings.last == .closed(.cancel))
    #expect(call.happenings == [.closed(.cancel)])
  }

  @Test func blocksThatLookAlikeHaveOneVersion() throws {
    let pair = Pair()
    for value in ["1", "1", "2", "2", "1"] { _ = pair.client.request([("a", value)], ending: true) }
    try pair.settle()
    #expect(pair.server.handlers.map(\.version) == [1, 1, 2, 2, 3])
    #expect(pair.server.handlers.map { $0.field("a") } == ["1", "1", "2", "2", "1"])
  }

  @Test func aBlockMayBeLongerOrShorterThanTheLast() throws {
    let pair = Pair()
    for fields in [[("a", "1")], [], [("a", "1"), ("b", "2")], [("a", "1")], [("a", "")]] {
      _ = pair.client.request(fields, ending: true)
      try pair.settle()
    }
    let counts = pair.server.handlers.map { handler -> Int in
      guard case .headers(let fields, _) = handler.happenings.first else { return 0 }
      return fields.count
    }
    #expect(counts == [5, 4, 6, 5, 5])
  }

  @Test func blocksMayHaveMoreFieldsThanAreToldByAddress() throws {
    let pair = Pair()
    func fields(_ last: String) -> [(String, String)] {
      (0..<40).map { ("x-\($0)", $0 == 39 ? last : "1") }
    }
    for last in ["1", "1", "2", "2", "1"] {
      _ = pair.client.request(fields(last), ending: true)
      try pair.settle()
    }
    #expect(pair.server.handlers.map(\.version) == [1, 1, 2, 2, 3])
    let lasts = pair.server.handlers.map { $0.field("x-39") }
    #expect(lasts == ["1", "1", "2", "2", "1"])
  }

  @Test func aFieldMayLeaveThePeersTableAndComeBack() throws {
    let pair = Pair()
    let filler = String(repeating: "f", count: 3_000)
    let values = ["1", "1", filler, "1", "2", filler, "2", "2"]
    for value in values {
      _ = pair.client.request([("a", value), ("b", "same")], ending: true)
      try pair.settle()
    }
    #expect(pair.server.handlers.map { $0.field("a") } == values)
    #expect(pair.server.handlers.allSatisfy { $0.field("b") == "same" })
  }

  @Test func headersBeyondTheBoundsAreCutOff() throws {
    var configuration = HTTP2Configuration.defaults
    configuration.headerFieldsMax = 6
    let pair = Pair(configuration)
    _ = pair.client.request([("a", "1"), ("b", "2")], ending: true)
    _ = pair.client.request([("a", "1"), ("b", "2"), ("c", "3")], ending: true)
    _ = pair.client.request([("a", String(repeating: "x", count: 20_000))], ending: true)
    try pair.settle()
    #expect(pair.server.handlers.map(\.isTruncated) == [false, true, true])
  }

  @Test func aSenderStopsAtTheWindowUntilItIsCredited() throws {
    var configuration = HTTP2Configuration.defaults
    configuration.streamWindow = 1000
    let pair = Pair(configuration)
    try pair.settle()
    let call = pair.client.request(ending: false)
    pair.client.session.write(to: call.stream) { $0.append([UInt8](repeating: 7, count: 2500)) }
    pair.client.session.end(call.stream)
    try pair.settle()
    let served = try #require(pair.server.handlers.first)
    #expect(served.payload.count == 1000)
    pair.server.session.consume(1000, on: served.stream)
    try pair.settle()
    #expect(served.payload.count == 2000)
    pair.server.session.consume(1000, on: served.stream)
    try pair.settle()
    #expect(served.payload.count == 2500)
  }

  @Test func aSlowStreamDoesNotHoldUpItsSiblings() throws {
    let pair = Pair()
    for _ in 0..<8 {
      // Each fills its own window; together they are more than the connection's.
      let call = pair.client.request(ending: false)
      pair.client.session.write(to: call.stream) {
        $0.append([UInt8](repeating: 7, count: 256 << 10))
      }
    }
    try pair.settle()
    #expect(pair.server.handlers.map(\.payload.count) == Array(repeating: 256 << 10, count: 8))
  }

  @Test func aWriterIsToldOfRoomOnce() throws {
    let pair = Pair()
    let call = pair.client.request(ending: false)
    pair.client.session.write(to: call.stream) { $0.append([UInt8](repeating: 7, count: 100_000)) }
    pair.client.session.notifyWhenRoom(on: call.stream)
    try pair.settle()
    #expect(call.happenings == [.room])
  }

  @Test func goodByeInTwoSteps() throws {
    let pair = Pair()
    let call = pair.client.request(ending: false)
    try pair.settle()
    pair.server.session.submitShutdownNotice()
    pair.server.session.sendPing()
    try pair.settle()
    #expect(pair.client.goAways == [.max])
    #expect(pair.server.pings == 1)
    pair.server.session.submitGoAway(.noError)
    try pair.settle()
    #expect(pair.client.goAways == [.max, 1])
    #expect(!pair.server.session.isOver)
    let served = try #require(pair.server.handlers.first)
    pair.server.session.submitHeadersOnlyResponse(served.stream, preset: ok, HeaderList())
    pair.client.session.end(call.stream)
    try pair.settle()
    #expect(pair.server.session.isOver)
  }

  @Test func theOwnerHearsOfPingsSettingsAndReasons() throws {
    let pair = Pair()
    try pair.settle()
    #expect(pair.server.settingsAcknowledgements == 1)
    pair.client.session.sendPing()
    pair.client.session.sendPing()
    try pair.settle()
    #expect(pair.server.pingsReceived == 2)
    #expect(pair.client.pings == 2)
    _ = pair.client.request(ending: false)
    try pair.settle()
    pair.server.session.submitGoAway(.noError, debug: "max_age")
    try pair.settle()
    #expect(pair.client.reasons == ["max_age"])
    let long = String(repeating: "x", count: 1000)
    pair.server.session.terminate(.enhanceYourCalm, debug: long)
    try pair.settle()
    #expect(pair.client.reasons == ["max_age", String(long.prefix(256)), ""])
    #expect(pair.server.session.isOver)
  }

  @Test func sentFramesAndPayloadAreCounted() throws {
    var configuration = HTTP2Configuration.defaults
    configuration.streamWindow = 1000
    let pair = Pair(configuration)
    try pair.settle()
    let session = pair.client.session
    let call = pair.client.request(ending: false)
    session.write(to: call.stream) { $0.append([UInt8](repeating: 7, count: 2500)) }
    #expect(session.pendingByteCount == 2500)
    #expect(!session.isBlockedByPeer)
    try pair.settle()
    #expect(session.pendingByteCount == 1500)
    #expect(session.dataBytesSent == 1000)
    #expect(call.stream.bytesSent == 1000)
    #expect(session.headersFramesSent == 1)
    #expect(session.dataFramesSent == 1)
    #expect(session.isBlockedByPeer)
    #expect(session.isWindowShut(of: call.stream))
    #expect(!session.isConnectionWindowShut)
    session.reset(call.stream, .cancel)
    try pair.settle()
    #expect(session.pendingByteCount == 0)
    #expect(!session.isBlockedByPeer)
  }

  @Test func bytesThatAreNotHTTP2AreRefused() {
    let server = Peer(.server)
    #expect(throws: HTTP2Error.badPreface) {
      try Array("GET / HTTP/1.1\r\n\r\n12345678".utf8).withBytes { bytes throws(HTTP2Error) in
        try server.session.receive(bytes)
      }
    }
  }

  @Test func aLostConnectionClosesItsStreams() throws {
    let pair = Pair()
    let calls = (0..<3).map { _ in pair.client.request(ending: false) }
    try pair.settle()
    pair.client.session.closeAllStreams(.cancel)
    #expect(calls.allSatisfy { $0.happenings == [.closed(.cancel)] })
    #expect(pair.client.session.streamCount == 0)
  }
}
