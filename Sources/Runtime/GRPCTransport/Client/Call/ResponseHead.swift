internal import Buffers
internal import Compression
internal import GRPC
internal import HTTP2

/// What a header block of a response says. A pure function of the block.
struct ResponseHead {
  /// ":status"; `nil` in trailers.
  private(set) var httpStatus: String?
  private(set) var isGRPC = false
  private var contentType: String?
  private var isTruncated = false
  private(set) var encoding: String?
  private(set) var metadata: Metadata = [:]
  private var code: StatusCode?
  private var hasStatus = false
  private var message = ""
  private var details: [UInt8]?

  init(_ headers: borrowing HeaderBlock) {
    var block = MetadataBlock()
    var head = ResponseHead()
    headers.visitFields { name, rawName, value in head.field(name, rawName, value, &block) }
    head.metadata = block.metadata()
    head.isTruncated = headers.isTruncated
    self = head
  }

  private init() {}

  private mutating func field(
    _ name: HeaderName, _ rawName: RawSpan, _ value: RawSpan, _ block: inout MetadataBlock
  ) {
    switch name {
    case .status: httpStatus = value.string()
    case .contentType:
      isGRPC = value.starts(with: "application/grpc")
      if !isGRPC { contentType = value.extracting(0..<min(value.byteCount, 64)).string() }
    case .grpcEncoding: encoding = value.string()
    case .grpcStatus:
      hasStatus = true
      code = Int(value.string()).flatMap { StatusCode(rawValue: $0) }
    case .grpcMessage: message = PercentEncoding.decode(value.array())
    case .grpcStatusDetails: details = Base64.decode(value.array())
    case .method, .scheme, .authority, .path, .te, .grpcTimeout, .grpcAcceptEncoding,
      .contentLength:
      break
    case .other, .userAgent:
      // What is no metadata is left out: the call's status counts more.
      _ = block.append(name: rawName, value: value)
    }
  }

  /// Why the response is none of gRPC's; `nil` if it is.
  var problem: RPCError? {
    if isTruncated { return .headersTooLarge }
    guard let httpStatus else { return nil }
    guard httpStatus == "200" else {
      return RPCError(
        Self.code(http: httpStatus), "The server answered HTTP \(httpStatus)\(kindInWords).")
    }
    guard isGRPC else {
      return RPCError(.unknown, "The answer is not application/grpc\(kindInWords).")
    }
    if let encoding, encoding != "identity", format == nil {
      return RPCError(.internal, "The answer has the unknown grpc-encoding \(encoding).")
    }
    return nil
  }

  /// What compressed messages are in; `nil` is identity.
  var format: CompressionFormat? { encoding.flatMap { CompressionFormat(rawValue: $0) } }

  private var kindInWords: String { contentType.map { ", with content of type \($0)" } ?? "" }

  /// The status that ends the call, for a block that ends the stream; `nil` is OK.
  var status: (error: RPCError?, metadata: Metadata) {
    if !hasStatus, let problem { return (problem, metadata) }
    guard hasStatus else {
      return (RPCError(.unknown, "The answer ended without a grpc-status."), metadata)
    }
    guard code != .ok else { return (nil, metadata) }
    var error = RPCError(code ?? .unknown, message, metadata: metadata)
    if let details { error.takeDetails(encoded: details) }
    return (error, metadata)
  }

  /// What an HTTP status means where no grpc-status is (grpc/doc/http-grpc-status-mapping.md).
  static func code(http status: String) -> StatusCode {
    switch status {
    case "400": .internal
    case "401": .unauthenticated
    case "403": .permissionDenied
    case "404": .unimplemented
    case "429", "502", "503", "504": .unavailable
    default: .unknown
    }
  }
}

extension RPCError {
  static let headersTooLarge = RPCError(
    .resourceExhausted, "The answer's headers are larger than the channel takes.")

  /// A stream that was reset before its status came (PROTOCOL-HTTP2, Errors).
  static func reset(_ code: HTTP2ErrorCode) -> RPCError {
    switch code {
    case .refusedStream: RPCError(.unavailable, "The server refused the call unread.")
    case .cancel: RPCError(.cancelled, "The server cancelled the call.")
    case .enhanceYourCalm: RPCError(.resourceExhausted, "The server asks for fewer calls.")
    case .inadequateSecurity: RPCError(.permissionDenied, "The server asks for better security.")
    case .noError, .protocolError, .internalError, .flowControlError, .settingsTimeout,
      .streamClosed, .frameSizeError, .compressionError, .connectError, .http11Required:
      RPCError(.internal, "The server reset the call with HTTP/2 error \(code.rawValue).")
    }
  }
}
