import Buffers
import Compression
import GRPC
import TestKit
import Testing
import WellKnown

@testable import GRPCTransport

/// What becomes of a request, by its headers.
struct WebDecisionTests {
  private static let table = PathTable(Router(services: [DecisionService()]))

  private func decide(_ headers: [(String, String)], origins: [String] = []) -> WebDecision {
    let rules = WebDecision.Rules(
      table: Self.table, cors: CORSPolicy(origins: origins),
      coding: .init(compressor: Compressor()))
    return WebDecision(WebRequestHead(headers.map { WebField($0.0, $0.1) }), rules)
  }

  private func post(_ path: String, _ type: String, _ more: (String, String)...) -> WebDecision {
    decide([(":method", "POST"), (":path", path), ("content-type", type)] + more)
  }

  @Test func aCallIsAccepted() {
    guard
      case .accepted(let handler, let exchange, let timeout) = post(
        "/test.Decisions/Get", "application/json", ("connect-timeout-ms", "1500"),
        ("connect-protocol-version", "1"), ("grpc-timeout", "1H"), ("content-encoding", "identity"))
    else {
      Issue.record("refused")
      return
    }
    #expect(handler.descriptor.method == "Get")
    #expect(exchange.format == WebFormat(framing: .connectUnary, codec: .json))
    #expect(timeout == .milliseconds(1500))
  }

  @Test func eachProtocolHasItsTimeout() {
    guard
      case .accepted(_, _, let timeout) = post(
        "/test.Decisions/Get", "application/grpc-web", ("connect-timeout-ms", "x"),
        ("grpc-timeout", "2S"))
    else {
      Issue.record("refused")
      return
    }
    #expect(timeout == .seconds(2))
  }

  @Test(arguments: [
    ("application/json", "connect-timeout-ms", "12345678901", StatusCode.invalidArgument),
    ("application/json", "connect-timeout-ms", "", .invalidArgument),
    ("application/json", "connect-timeout-ms", "-1", .invalidArgument),
    ("application/json", "connect-protocol-version", "2", .invalidArgument),
    ("application/json", "content-encoding", "br", .unimplemented),
    ("application/grpc-web", "grpc-timeout", "1", .invalidArgument),
    ("application/grpc-web", "grpc-encoding", "br", .unimplemented),
  ])
  func mistakesAreRefused(type: String, name: String, value: String, code: StatusCode) {
    guard case .refused(let error, let exchange) = post("/test.Decisions/Get", type, (name, value))
    else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == code)
    #expect(exchange.format == WebFormat(contentType: type))
  }

  @Test(arguments: [
    ("/test.Decisions/Get", "text/html", "415"), ("/test.Decisions/Get", "", "415"),
    ("/test.Decisions/Get", "application/connect+json", "415"),
    ("/test.Decisions/Watch", "application/json", "415"),
    ("/test.Decisions/Bytes", "application/json", "415"),
    ("/test.Decisions/Nothing", "application/json", "404"),
    ("/test.Decisions/Nothing", "application/connect+proto", "404"),
  ])
  func someRequestsGetAnswersOfHTTP(path: String, type: String, status: String) {
    guard case .answer(let response) = post(path, type) else {
      Issue.record("no answer")
      return
    }
    #expect(response.status == status)
    #expect((status == "415") == response.fields.contains { $0.name == "accept-post" })
  }

  @Test func grpcWebHasAStatusForUnknownMethods() {
    guard case .refused(let error, _) = post("/test.Decisions/Nothing", "application/grpc-web")
    else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .unimplemented)
  }

  @Test(arguments: [
    ("application/json", "content-encoding", "accept-encoding"),
    ("application/connect+json", "connect-content-encoding", "connect-accept-encoding"),
    ("application/grpc-web", "grpc-encoding", "grpc-accept-encoding"),
  ])
  func eachProtocolHasItsEncodings(type: String, used: String, accepted: String) {
    let path = type == "application/connect+json" ? "Watch" : "Get"
    let format = WebFormat(contentType: type)
    for (headers, responses) in [
      ([(used, "gzip"), (accepted, "br, deflate")], CompressionFormat.deflate),
      ([(used, "gzip")], format?.isConnect == true ? .gzip : nil), ([(accepted, "br,gzip")], .gzip),
      ([("x-other", "gzip")], nil),
    ] {
      let decision = decide(
        [(":method", "POST"), (":path", "/test.Decisions/\(path)"), ("content-type", type)]
          + headers)
      guard case .accepted(_, let exchange, _) = decision else {
        Issue.record("refused")
        return
      }
      #expect(exchange.compression.requests == (headers[0].0 == used ? .gzip : nil))
      #expect(exchange.compression.responses == responses)
    }
  }

  // MARK: GET

  private func get(_ path: String) -> WebDecision { decide([(":method", "GET"), (":path", path)]) }

  @Test(arguments: [
    "encoding=json&message=%7B%22code%22%3A+7%7D",
    "message=%7b%22code%22:7%7d&x=y&encoding=json&connect=v1",
    "base64=1&encoding=proto&message=CAc", "base64=1&encoding=proto&message=CAc%3D",
  ])
  func aMethodWithoutSideEffectsIsCalledByGet(query: String) throws {
    guard case .accepted(let handler, let exchange, _) = get("/test.Decisions/Get?\(query)") else {
      Issue.record("refused")
      return
    }
    #expect(handler.descriptor.method == "Get")
    // Payload counts for nothing.
    ([0xff] as [UInt8]).withBytes { exchange.append($0) }
    let status: Google.Rpc.Status = try MessageCoding.request(
      exchange.wire(of: exchange.onlyRequest(), isCompressed: exchange.isCompressed))
    #expect(status.code == 7)
  }

  @Test(arguments: [
    "encoding=json", "encoding=json&message=%7", "encoding=json&message=%zz",
    "encoding=proto&base64=1&message=*", "encoding=json&message={}&connect=v2",
  ])
  func malformedQueriesAreRefused(query: String) {
    guard case .refused(let error, _) = get("/test.Decisions/Get?\(query)") else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .invalidArgument)
  }

  @Test(arguments: [
    ("GET", "/test.Decisions/Get?message={}", "415", nil),
    ("GET", "/test.Decisions/Change?encoding=json&message={}", "405", "POST"),
    ("PUT", "/test.Decisions/Change", "405", "POST"),
    ("DELETE", "/test.Decisions/Get", "405", "POST, GET"),
    ("OPTIONS", "/test.Decisions/Change", "405", "POST"),
  ])
  func otherMethodsAreNotAllowed(method: String, path: String, status: String, allow: String?) {
    guard case .answer(let response) = decide([(":method", method), (":path", path)]) else {
      Issue.record("no answer")
      return
    }
    #expect(response.status == status)
    #expect(response.fields.first { $0.name == "allow" }?.value == allow)
  }

  // MARK: CORS

  private func preflight(_ origin: String, allowing origins: [String]) -> WebResponse? {
    let decision = decide(
      [
        (":method", "OPTIONS"), (":path", "/x"), ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-mine"),
      ], origins: origins)
    guard case .answer(let response) = decision else { return nil }
    return response
  }

  @Test func preflightsAreAnswered() throws {
    let named = try #require(preflight("https://a.example", allowing: ["https://a.example"]))
    #expect(named.status == "204")
    #expect(named.fields.contains(WebField("access-control-allow-origin", "https://a.example")))
    #expect(named.fields.contains(WebField("access-control-allow-headers", "content-type,x-mine")))
    let any = try #require(preflight("https://b.example", allowing: ["*"]))
    #expect(any.fields.contains(WebField("access-control-allow-origin", "*")))
    let other = try #require(preflight("https://b.example", allowing: ["https://a.example"]))
    #expect(other.status == "403")
    #expect(!other.fields.contains { $0.name.hasPrefix("access-control") })
    #expect(preflight("https://a.example", allowing: [])?.status == "405")
  }

  @Test func answersNameTheOriginThatMayReadThem() throws {
    let headers = [
      (":method", "POST"), (":path", "/test.Decisions/Get"), ("content-type", "application/json"),
      ("origin", "https://a.example"),
    ]
    for origins in [["https://a.example"], ["*"]] {
      guard case .accepted(_, let exchange, _) = decide(headers, origins: origins) else {
        Issue.record("refused")
        return
      }
      let fields = exchange.unaryResponse(nil, [:]).fields
      #expect(fields.contains(WebField("access-control-allow-origin", origins[0])))
      let exposed = fields.first { $0.name == "access-control-expose-headers" }
      #expect(exposed?.value.contains("grpc-status-details-bin") == true)
    }
    guard case .accepted(_, let exchange, _) = decide(headers) else {
      Issue.record("refused")
      return
    }
    #expect(exchange.unaryResponse(nil, [:]).fields.map(\.name) == ["content-type"])
    guard case .answer(let other) = decide([(":method", "PUT")] + headers[3...], origins: ["*"])
    else {
      Issue.record("no answer")
      return
    }
    #expect(other.fields.contains(WebField("access-control-allow-origin", "*")))
  }
}

/// Two methods whose messages have a JSON form, one without side effects; one that streams; and
/// one whose messages have none.
private struct DecisionService: Service {
  static let name = "test.Decisions"

  /// A file of the package "test" whose service "Decisions" has Get with NO_SIDE_EFFECTS and
  /// Change with IDEMPOTENT.
  static let fileDescriptorSet: [UInt8] = {
    let get = field(2, field(1, "Get") + field(4, [0x90, 2, 1]))
    let change = field(2, field(1, "Change") + field(4, [0x90, 2, 2]))
    return field(1, field(2, "test") + field(6, field(1, "Decisions") + get + change))
  }()

  private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(bytes.count)] + bytes
  }

  private static func field(_ number: UInt8, _ text: String) -> [UInt8] {
    field(number, Array(text.utf8))
  }

  func register(in router: inout Router) {
    for name in ["Get", "Change"] {
      router.unary(
        MethodDescriptor(service: Self.name, method: name, kind: .unary), Google.Rpc.Status.self,
        Google.Rpc.Status.self
      ) { request, _ in request }
    }
    router.unary(
      MethodDescriptor(service: Self.name, method: "Bytes", kind: .unary), BytesMessage.self,
      BytesMessage.self
    ) { request, _ in request }
    router.serverStreaming(
      MethodDescriptor(service: Self.name, method: "Watch", kind: .serverStreaming),
      Google.Rpc.Status.self, Google.Rpc.Status.self
    ) { _, _, _ in }
  }
}
