import Buffers
import Compression
import GRPC
import Protobuf
import Testing
import WellKnown

@testable import GRPCTransport

/// Every format, with its bytes cut anywhere.
struct WebExchangeTests {
  private static let json = MessageJSON(Google.Rpc.Status.self, Google.Rpc.Status.self)

  private static func exchange(
    _ type: String, accept: [String] = [], requestSizeMax: Int = 1000, responseSizeMax: Int = 1000,
    compression: CallCompression = .none
  ) throws -> WebExchange {
    WebExchange(
      try #require(WebFormat(contentType: type)), accept: accept,
      coding: .init(
        json: json, compression: compression, compressor: Compressor(),
        requestSizeMax: requestSizeMax, responseSizeMax: responseSizeMax))
  }

  private static func status(_ code: Int32) -> [UInt8] {
    var status = Google.Rpc.Status()
    status.code = code
    return status.serialized()
  }

  private static func frame(_ flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [flags, 0, 0, UInt8(payload.count >> 8), UInt8(payload.count & 255)] + payload
  }

  private static func frame(_ flags: UInt8, _ text: String) -> [UInt8] {
    frame(flags, Array(text.utf8))
  }

  /// What a client sends for two messages, with the codes 1 and 200.
  private static func requests(_ type: String) -> [UInt8] {
    switch type {
    case "application/grpc-web", "application/connect+proto":
      frame(0, status(1)) + frame(0, status(200))
    case "application/connect+json", "application/grpc-web+json":
      frame(0, "{\"code\":1}") + frame(0, "{\"code\":200}")
    default:
      // Padded in the middle.
      Base64Stream.encode(frame(0, status(1))) + Base64Stream.encode(frame(0, status(200)))
    }
  }

  @Test(
    arguments: [
      "application/grpc-web", "application/grpc-web+json", "application/grpc-web-text",
      "application/connect+proto", "application/connect+json",
    ], [1, 2, 3, 4, 5, 7, 1000])
  func streamsAreCutIntoMessages(type: String, step: Int) throws {
    let exchange = try Self.exchange(type)
    var found: [[UInt8]] = []
    var rest = Self.requests(type)[...]
    while !rest.isEmpty {
      Array(rest.prefix(step)).withBytes { exchange.append($0) }
      rest = rest.dropFirst(step)
      while case .message(let message) = exchange.next() {
        found.append(try exchange.wire(of: message, isCompressed: exchange.isCompressed))
      }
    }
    #expect(found == [Self.status(1), Self.status(200)])
    #expect(!exchange.isTorn)
  }

  @Test(arguments: ["application/json", "application/proto"], [1, 1000])
  func aBodyIsOneMessage(type: String, step: Int) throws {
    let exchange = try Self.exchange(type)
    var rest = (type == "application/json" ? Array("{\"code\": 7}".utf8) : Self.status(7))[...]
    while !rest.isEmpty {
      try collect(Array(rest.prefix(step)), exchange)
      rest = rest.dropFirst(step)
    }
    #expect(try wire(exchange) == Self.status(7))
  }

  private func collect(_ bytes: [UInt8], _ exchange: WebExchange) throws(RPCError) {
    try bytes.withBytes { (bytes) throws(RPCError) in try exchange.collect(bytes) }
  }

  private func wire(_ exchange: WebExchange) throws(RPCError) -> [UInt8] {
    try exchange.wire(of: try exchange.onlyRequest(), isCompressed: exchange.isCompressed)
  }

  @Test func aUnaryCallTakesOneFrame() throws {
    let none = try Self.exchange("application/grpc-web")
    #expect(throws: RPCError.noRequest) { try none.onlyRequest() }
    let torn = try Self.exchange("application/grpc-web")
    try collect([0, 0, 0, 0, 2, 1], torn)
    #expect(throws: RPCError.tornMessage) { try torn.onlyRequest() }
    let two = try Self.exchange("application/grpc-web")
    try collect(Self.frame(0, ""), two)
    #expect(throws: RPCError.twoRequests) { try collect(Self.frame(0, ""), two) }
    let tornText = try Self.exchange("application/grpc-web-text")
    try collect(Array("AAAAAAA".utf8), tornText)
    #expect(throws: RPCError.tornMessage) { try tornText.onlyRequest() }
  }

  @Test(
    arguments: [
      ("application/grpc-web", [0, 0, 0, 4, 0]), ("application/grpc-web", [1, 0, 0, 0, 0]),
      ("application/connect+proto", [2, 0, 0, 0, 2]),
      ("application/grpc-web-text", [0x2a, 1, 2, 3]),
      ("application/connect+json", [4]),
    ] as [(String, [UInt8])])
  func afterAProblemNothingIsKept(type: String, bytes: [UInt8]) throws {
    let exchange = try Self.exchange(type)
    bytes.withBytes { exchange.append($0) }
    guard case .broken(let error) = exchange.next() else {
      Issue.record("not refused")
      return
    }
    Self.requests("application/grpc-web").withBytes { exchange.append($0) }
    guard case .broken(error) = exchange.next() else {
      Issue.record("it went on")
      return
    }
  }

  @Test func requestsHaveABound() throws {
    let body = try Self.exchange("application/proto", requestSizeMax: 4)
    try collect([1, 2, 3, 4], body)
    #expect(throws: RPCError.tooLarge(size: 5, limit: 4)) { try collect([5], body) }
    // Ten bytes of text are eleven of the wire format.
    let text = try Self.exchange("application/json", requestSizeMax: 10)
    try collect(Array("{\"code\":-1".utf8), text)
    #expect(throws: RPCError.tooLarge(size: 11, limit: 10)) {
      try collect(Array("}".utf8), text)
    }
    let long = try Self.exchange("application/json", requestSizeMax: 11)
    try collect(Array("{\"code\":-1}".utf8), long)
    #expect(try wire(long) == Self.status(-1))
  }

  // MARK: Compression

  private static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    bytes.withBytes { Compressor().deflate($0, as: .gzip, into: &writer) }
    return writer.array()
  }

  private static let gzip = {
    var compression = CallCompression()
    compression.requests = .gzip
    compression.responses = .gzip
    compression.announcesEncodings = true
    return compression
  }()

  @Test func compressedRequestsAreInflated() throws {
    let text = Array("{\"code\": 7}".utf8)
    let body = try Self.exchange("application/json", compression: Self.gzip)
    try collect(Self.gzip(text), body)
    #expect(try wire(body) == Self.status(7))
    let empty = try Self.exchange("application/proto", compression: Self.gzip)
    #expect(try wire(empty).isEmpty)
    let stream = try Self.exchange("application/connect+json", compression: Self.gzip)
    (Self.frame(0, text) + Self.frame(1, Self.gzip(text))).withBytes { stream.append($0) }
    for isCompressed in [false, true] {
      guard case .message(let message) = stream.next() else {
        Issue.record("no message")
        return
      }
      #expect(stream.isCompressed == isCompressed)
      #expect(try stream.wire(of: message, isCompressed: isCompressed) == Self.status(7))
    }
  }

  @Test(arguments: [
    ("application/json", StatusCode.invalidArgument), ("application/grpc-web", .internal),
  ])
  func bytesThatAreNotGzipAreTheClients(type: String, code: StatusCode) throws {
    let exchange = try Self.exchange(type, compression: Self.gzip)
    let error = #expect(throws: RPCError.self) {
      try exchange.wire(of: [1, 2, 3], isCompressed: true)
    }
    #expect(error?.code == code)
  }

  @Test func inflatedRequestsHaveABound() throws {
    let exchange = try Self.exchange("application/json", compression: Self.gzip)
    let error = #expect(throws: RPCError.self) {
      try exchange.wire(of: Self.gzip([UInt8](repeating: 0, count: 1001)), isCompressed: true)
    }
    #expect(error?.code == .resourceExhausted)
  }

  @Test func responsesAreCompressedAsAsked() throws {
    let asked = ServerCall.ResponseFormat(format: .gzip, isForced: true)
    let unary = try Self.exchange("application/json", compression: Self.gzip)
    _ = try unary.outgoing(Self.status(7), asked)
    let answer = unary.unaryResponse(nil, [:])
    #expect(answer.fields.contains(WebField("content-encoding", "gzip")))
    #expect(answer.body == Self.gzip(Array("{\"code\":7}".utf8)))
    let plain = try Self.exchange("application/json", compression: Self.gzip)
    _ = try plain.outgoing(Self.status(7))
    #expect(!plain.unaryResponse(nil, [:]).fields.contains { $0.name == "content-encoding" })
    let stream = try Self.exchange("application/grpc-web", compression: Self.gzip)
    let head = try #require(stream.head([:], encoding: .gzip))
    #expect(head.fields.contains(WebField("grpc-encoding", "gzip")))
    #expect(
      try stream.outgoing(Self.status(7), asked).bytes
        == Self.frame(1, Self.gzip(Self.status(7))))
  }

  // MARK: What goes

  private static let error = RPCError(
    .notFound, "no ☎", details: [Google.Protobuf.`Any`(typeURL: "x/my.Type", value: [1, 2])],
    metadata: ["x-why": "because", "x-why-bin": .binary([0xff])])

  @Test func grpcWebEndsWithAFrameOfTrailers() throws {
    let exchange = try Self.exchange("application/grpc-web")
    let head = try #require(exchange.head(["x-a": "b", "content-type": "evil"]))
    #expect(head.status == "200")
    #expect(
      head.fields == [WebField("content-type", "application/grpc-web+proto"), WebField("x-a", "b")])
    #expect(try exchange.outgoing([8, 1]).bytes == [0, 0, 0, 0, 2, 8, 1])
    let end = exchange.endOfStream(nil, ["x-t": "1"])
    #expect(end == Self.frame(0x80, "grpc-status: 0\r\nx-t: 1\r\n"))
    let text = String(decoding: exchange.endOfStream(Self.error, [:]).dropFirst(5), as: UTF8.self)
    #expect(
      text.hasPrefix(
        "grpc-status: 5\r\ngrpc-message: no %E2%98%8E\r\nx-why: because\r\nx-why-bin: /w\r\n"))
  }

  @Test func textIsAskedForByAccept() throws {
    let asked = try Self.exchange(
      "application/grpc-web", accept: ["text/html", "application/grpc-web-text"])
    #expect(asked.head([:])?.fields.first?.value == "application/grpc-web-text+proto")
    #expect(try asked.outgoing([8, 1]).bytes == Array("AAAAAAIIAQ==".utf8))
    let refused = try Self.exchange(
      "application/grpc-web-text", accept: ["application/grpc-web+proto"])
    #expect(try refused.outgoing([8, 1]).bytes == [0, 0, 0, 0, 2, 8, 1])
    let same = try Self.exchange("application/grpc-web-text", accept: ["*/*"])
    #expect(try same.outgoing([8, 1]).bytes == Array("AAAAAAIIAQ==".utf8))
  }

  @Test func connectStreamsEndWithJSON() throws {
    let exchange = try Self.exchange("application/connect+json")
    #expect(exchange.head([:])?.fields.first?.value == "application/connect+json")
    #expect(try exchange.outgoing(Self.status(1)).bytes == Self.frame(0, "{\"code\":1}"))
    #expect(exchange.endOfStream(nil, [:]) == Self.frame(2, "{}"))
    let text =
      "{\"error\":{\"code\":\"not_found\",\"message\":\"no ☎\",\"details\":"
      + "[{\"type\":\"my.Type\",\"value\":\"AQI\"}]},"
      + "\"metadata\":{\"x-t\":[\"1\",\"2\"],\"x-why\":[\"because\"],\"x-why-bin\":[\"/w\"]}}"
    let metadata = Metadata([.init(name: "x-t", value: "1"), .init(name: "x-t", value: "2")])
    #expect(exchange.endOfStream(Self.error, metadata) == Self.frame(2, text))
  }

  @Test func aUnaryAnswerWaitsForItsStatus() throws {
    let exchange = try Self.exchange("application/json")
    #expect(exchange.head(["x-a": "b"]) == nil)
    #expect(try exchange.outgoing(Self.status(1)).bytes.isEmpty)
    let expected = WebResponse(
      status: "200",
      fields: [
        WebField("content-type", "application/json"), WebField("x-a", "b"),
        WebField("trailer-x-t", "1"),
      ], body: Array("{\"code\":1}".utf8))
    #expect(exchange.unaryResponse(nil, ["x-t": "1"]) == expected)
    let failed = exchange.unaryResponse(Self.error, [:])
    #expect(failed.status == "404")
    #expect(failed.fields.contains(WebField("trailer-x-why", "because")))
    #expect(String(decoding: failed.body, as: UTF8.self).hasPrefix("{\"code\":\"not_found\","))
  }

  /// HTTP clients look for it under its own name (RFC 9110, section 11.6.1).
  @Test func aChallengeIsAHeaderOfAUnaryAnswer() throws {
    let error = RPCError(
      .unauthenticated, "Who?", metadata: ["www-authenticate": "Bearer", "x-why": "because"])
    let refused = try Self.exchange("application/json").unaryResponse(error, [:])
    #expect(refused.status == "401")
    #expect(refused.fields.contains(WebField("www-authenticate", "Bearer")))
    #expect(refused.fields.contains(WebField("trailer-x-why", "because")))
    #expect(!refused.fields.contains { $0.name == "trailer-www-authenticate" })
  }

  @Test(arguments: ["application/grpc-web", "application/json", "application/connect+proto"])
  func responsesHaveABound(type: String) throws {
    let exchange = try Self.exchange(type, responseSizeMax: 1)
    let error = #expect(throws: RPCError.self) { try exchange.outgoing(Self.status(1)) }
    #expect(error?.code == .resourceExhausted)
  }

  @Test func metadataThatDoesNotFitIsLeftOut() throws {
    let exchange = try Self.exchange("application/grpc-web")
    let big = Metadata([
      .init(name: "x-big", value: .text(String(repeating: "a", count: 9000))),
      .init(name: "x-small", value: "b"),
    ])
    #expect(exchange.head(big)?.fields.map(\.name) == ["content-type", "x-small"])
  }

  @Test func aRefusedRequestIsReadForAWhile() throws {
    let exchange = WebExchange(.http, coding: .init(compressor: Compressor()))
    #expect(!exchange.mustAnswer(afterDropping: 4 << 20))
    #expect(exchange.mustAnswer(afterDropping: 1))
  }
}
