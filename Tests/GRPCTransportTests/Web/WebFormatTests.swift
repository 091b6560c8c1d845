import GRPC
import Testing

@testable import GRPCTransport

struct WebFormatTests {
  @Test(arguments: [
    ("application/grpc-web", WebFormat(framing: .grpcWeb, codec: .proto)),
    ("application/grpc-web+proto", WebFormat(framing: .grpcWeb, codec: .proto)),
    ("application/grpc-web+json", WebFormat(framing: .grpcWeb, codec: .json)),
    ("application/grpc-web-text", WebFormat(framing: .grpcWebText, codec: .proto)),
    ("application/grpc-web-text+proto", WebFormat(framing: .grpcWebText, codec: .proto)),
    ("application/proto", WebFormat(framing: .connectUnary, codec: .proto)),
    ("application/json", WebFormat(framing: .connectUnary, codec: .json)),
    ("application/connect+proto", WebFormat(framing: .connectStreaming, codec: .proto)),
    ("application/connect+json", WebFormat(framing: .connectStreaming, codec: .json)),
    ("Application/JSON; Charset=UTF-8", WebFormat(framing: .connectUnary, codec: .json)),
    ("application/json ;charset=\"utf-8\";v=1", WebFormat(framing: .connectUnary, codec: .json)),
  ])
  func contentTypesNameFormats(type: String, format: WebFormat) {
    #expect(WebFormat(contentType: type) == format)
    #expect(WebFormat(contentType: format.contentType) == format)
  }

  @Test(arguments: [
    "", ";", "text/html", "application/jsonx", "application/connect+thrift",
    "application/grpc-web+thrift", "application/json; charset=utf-16", "json",
  ])
  func otherTypesNameNone(type: String) {
    #expect(WebFormat(contentType: type) == nil)
  }

  @Test func connectTellsStreamsByTheType() throws {
    let streaming: [MethodKind] = [.clientStreaming, .serverStreaming, .bidirectionalStreaming]
    let unary = try #require(WebFormat(contentType: "application/json"))
    let stream = try #require(WebFormat(contentType: "application/connect+json"))
    let web = try #require(WebFormat(contentType: "application/grpc-web"))
    #expect(unary.serves(.unary) && !stream.serves(.unary) && web.serves(.unary))
    for kind in streaming {
      #expect(!unary.serves(kind) && stream.serves(kind) && web.serves(kind))
    }
  }

  @Test func acceptedTypesAreThoseOfTheMethod() {
    let all = WebFormat.acceptedTypes(for: nil).listElements
    let unary = WebFormat.acceptedTypes(for: .unary).listElements
    #expect(unary.contains("application/json") && !unary.contains("application/connect+json"))
    let streams = WebFormat.acceptedTypes(for: .serverStreaming).listElements
    #expect(!streams.contains("application/json") && streams.contains("application/connect+json"))
    #expect(Set(all) == Set(unary + streams))
    for type in all where !["application/grpc", "application/grpc+proto"].contains(type) {
      #expect(WebFormat(contentType: type) != nil)
    }
  }

  @Test func listsLoseTheirWeights() {
    #expect(" gzip;q=0.5 , BR,, identity".listElements == ["gzip", "br", "identity"])
  }

  /// The Connect specification's table of error codes.
  @Test(arguments: [
    (StatusCode.cancelled, "canceled", "499"), (.unknown, "unknown", "500"),
    (.invalidArgument, "invalid_argument", "400"),
    (.deadlineExceeded, "deadline_exceeded", "504"), (.notFound, "not_found", "404"),
    (.alreadyExists, "already_exists", "409"), (.permissionDenied, "permission_denied", "403"),
    (.resourceExhausted, "resource_exhausted", "429"),
    (.failedPrecondition, "failed_precondition", "400"), (.aborted, "aborted", "409"),
    (.outOfRange, "out_of_range", "400"), (.unimplemented, "unimplemented", "501"),
    (.internal, "internal", "500"), (.unavailable, "unavailable", "503"),
    (.dataLoss, "data_loss", "500"), (.unauthenticated, "unauthenticated", "401"),
  ])
  func everyCodeHasItsNameAndStatus(code: StatusCode, name: String, status: String) {
    #expect(code.connectName == name)
    #expect(code.httpStatus == status)
  }
}
