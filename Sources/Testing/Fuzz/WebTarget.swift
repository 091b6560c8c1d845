internal import Buffers
internal import Compression
internal import GRPC
internal import HTTP2
internal import Protobuf
internal import TestAPI

@testable internal import GRPCTransport

/// Requests of gRPC-Web and Connect without their stream: the first byte says how payload is cut,
/// then come the headers, a line each, an empty line and payload. What is read must not depend on
/// the cuts; what is answered is what a client reads.
enum WebTarget {
  typealias V1 = Trunkline.Testing.V1
  private static let table = PathTable(Router(services: [WebEchoService()]))
  private static let sizeMax = 1 << 12

  @Sendable static func run(_ input: [UInt8]) {
    guard let first = input.first else { return }
    var rest = input.dropFirst()
    var headers: [WebField] = []
    while !rest.isEmpty {
      let line = rest.prefix { $0 != UInt8(ascii: "\n") }
      rest = rest.dropFirst(line.count + 1)
      if line.isEmpty { break }
      // Of a name and a value only those come here that nghttp2 takes.
      guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return }
      let cut = line.dropFirst().firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
      headers.append(
        WebField(
          String(decoding: line[..<cut], as: UTF8.self).lowercased(),
          String(decoding: line[cut...].dropFirst().drop { $0 == 0x20 }, as: UTF8.self)))
    }
    let body = Array(rest)
    let whole = outcome(headers, body, piece: max(body.count, 1))
    let cut = outcome(headers, body, piece: Int(first) + 1)
    precondition(whole == cut, "pieces change what is read")
  }

  /// What came of a request: its messages, and whether it failed.
  private struct Outcome: Equatable {
    var messages: [[UInt8]] = []
    var hasFailed = false
  }

  private static func outcome(_ headers: [WebField], _ body: [UInt8], piece: Int) -> Outcome {
    let rules = WebDecision.Rules(
      table: table, cors: CORSPolicy(origins: ["https://a.example"]),
      coding: .init(
        compressor: Compressor(), requestSizeMax: sizeMax, responseSizeMax: sizeMax))
    switch WebDecision(WebRequestHead(headers), rules) {
    case .answer(let response):
      check(response)
      return Outcome(hasFailed: true)
    case .refused(let error, let exchange):
      end(exchange, error)
      return Outcome(hasFailed: true)
    case .accepted(let handler, let exchange, let timeout):
      precondition(timeout.map { $0 >= .zero } ?? true, "a negative timeout")
      let isUnary = handler.descriptor.kind == .unary
      let outcome = isUnary ? collect(exchange, body, piece) : stream(exchange, body, piece)
      if isUnary, let wire = outcome.messages.first { answer(exchange, wire) }
      return outcome
    }
  }

  private static func visit(_ body: [UInt8], _ piece: Int, _ take: (RawSpan) -> Bool) {
    var start = 0
    while start < body.count {
      let end = min(start + piece, body.count)
      let goesOn = body.withBytes { take($0.extracting(start..<end)) }
      guard goesOn else { return }
      start = end
    }
  }

  private static func collect(_ exchange: WebExchange, _ body: [UInt8], _ piece: Int) -> Outcome {
    var failure: RPCError?
    visit(body, piece) { data in
      do throws(RPCError) {
        try exchange.collect(data)
        return true
      } catch {
        failure = error
        return false
      }
    }
    do throws(RPCError) {
      if let failure { throw failure }
      let message = try exchange.onlyRequest()
      let wire = try exchange.wire(of: message, isCompressed: exchange.isCompressed)
      precondition(wire.count <= sizeMax, "a message over the limit")
      return Outcome(messages: [wire])
    } catch {
      end(exchange, error)
      return Outcome(hasFailed: true)
    }
  }

  private static func stream(_ exchange: WebExchange, _ body: [UInt8], _ piece: Int) -> Outcome {
    var outcome = Outcome()
    visit(body, piece) { data in
      exchange.append(data)
      while true {
        switch exchange.next() {
        case .incomplete: return true
        case .broken:
          outcome.hasFailed = true
          return false
        case .message(let bytes):
          precondition(bytes.count <= sizeMax, "a message over the limit")
          let wire = try? exchange.wire(of: bytes, isCompressed: exchange.isCompressed)
          outcome.messages.append(wire ?? [])
        }
      }
    }
    // Base64 that breaks off spoils what came in the same piece, so the pieces then count.
    if outcome.hasFailed { outcome.messages = [] }
    return outcome
  }

  /// Echoes the request; what a client reads of the answer is what was sent.
  private static func answer(_ exchange: WebExchange, _ wire: [UInt8]) {
    guard let request = try? V1.EchoRequest(serialized: wire) else { return }
    let response = V1.EchoResponse(text: request.text, payload: request.payload)
    let message = response.serialized()
    let encoding = exchange.compression.responses
    let format = encoding.map { ServerCall.ResponseFormat(format: $0, isForced: false) }
    guard let outgoing = try? exchange.outgoing(message, format) else { return }
    if let head = exchange.head([:], encoding: encoding) {
      check(head)
      let isText = head.fields.contains {
        $0.name == "content-type" && $0.value.hasPrefix("application/grpc-web-text")
      }
      let frames = isText ? decoded(outgoing.bytes) : outgoing.bytes
      precondition(frames.count == 5 + outgoing.size, "a frame is not what its prefix says")
    } else {
      let unary = exchange.unaryResponse(nil, [:])
      check(unary)
      guard encoding == nil, exchange.format.codec == .json else { return }
      precondition(
        (try? V1.EchoResponse(json: unary.body)) == response, "an answer changes on its way")
    }
  }

  private static func decoded(_ text: [UInt8]) -> [UInt8] {
    var stream = Base64Stream()
    var bytes = ByteWriter()
    guard text.withBytes({ stream.decode($0, into: &bytes) }), stream.isWhole else {
      preconditionFailure("what we write is not base64")
    }
    return bytes.array()
  }

  /// The end of a call that failed, in every form.
  private static func end(_ exchange: WebExchange, _ error: RPCError) {
    if let head = exchange.head([:]) {
      check(head)
      precondition(!exchange.endOfStream(error, [:]).isEmpty, "an end without a status")
    } else {
      let response = exchange.unaryResponse(error, [:])
      check(response)
      precondition(response.status != "200" && response.body.first == UInt8(ascii: "{"))
    }
  }

  private static func check(_ response: WebResponse) {
    precondition(response.status.utf8.count == 3, "no status")
    for field in response.fields {
      precondition(
        (field.name + field.value).utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f },
        "\(field.name) has a control character")
    }
  }
}

/// The methods of which one may be called by GET. None is ever called.
private struct WebEchoService: Trunkline.Testing.V1.EchoServiceProtocol {
  typealias V1 = Trunkline.Testing.V1

  func echo(
    _ request: V1.EchoRequest, context: ServerContext
  ) async throws(RPCError) -> V1.EchoResponse { V1.EchoResponse() }

  func `repeat`(
    _ request: V1.RepeatRequest, responses: ResponseWriter<V1.RepeatResponse>,
    context: ServerContext
  ) async throws(RPCError) {}

  func collect(
    _ requests: RequestStream<V1.CollectRequest>, context: ServerContext
  ) async throws(RPCError) -> V1.CollectResponse { V1.CollectResponse() }

  func converse(
    _ requests: RequestStream<V1.ConverseRequest>, responses: ResponseWriter<V1.ConverseResponse>,
    context: ServerContext
  ) async throws(RPCError) {}
}

/// The query of a call by GET.
enum QueryTarget {
  @Sendable static func run(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)
    guard let query = try? ConnectQuery(text), let message = query.message else { return }
    let digits = Base64.encode(message).map { digit -> Character in
      switch digit {
      case "+": "-"
      case "/": "_"
      default: digit
      }
    }
    let again = try? ConnectQuery("base64=1&message=\(String(digits))")
    precondition(again?.message == message, "a message changes on its way")
  }
}

/// Base64 in pieces, as gRPC-Web-text has it. The first byte is the size of the pieces.
enum Base64Target {
  @Sendable static func run(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let text = Array(input.dropFirst())
    let whole = decode(text, piece: max(text.count, 1))
    let cut = decode(text, piece: Int(first) + 1)
    precondition(whole == cut, "pieces change what is read")
    precondition(
      decode(Base64Stream.encode(text), piece: Int(first) + 1) == text, "base64 is not exact")
  }

  /// The bytes; `nil` if it is not base64, or not all of it is there.
  private static func decode(_ text: [UInt8], piece: Int) -> [UInt8]? {
    var stream = Base64Stream()
    var bytes = ByteWriter()
    var start = 0
    while start < text.count {
      let end = min(start + piece, text.count)
      let isBase64 = text.withBytes {
        stream.decode($0.extracting(start..<end), into: &bytes)
      }
      guard isBase64 else { return nil }
      start = end
    }
    return stream.isWhole ? bytes.array() : nil
  }
}
