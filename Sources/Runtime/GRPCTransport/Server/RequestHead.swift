internal import Buffers
internal import Compression
internal import GRPC
internal import HTTP2

/// What the headers of a request ask for. An object, since calls of one client share it.
final class RequestHead: Sendable {
  /// Whom to answer, or why not.
  enum Outcome: Sendable {
    case accepted(any MethodHandler)
    /// The request is not plain gRPC: ``WebDecision`` says what becomes of it.
    case web
    case refused(RPCError)
    /// The answer says which encodings there are.
    case unknownEncoding(RPCError)
  }

  let outcome: Outcome
  /// In ``PathTable/names``; an unknown one is ``PathTable/otherIndex``.
  let method: Int
  let timeout: Duration?
  let compression: CallCompression

  init(
    outcome: Outcome, method: Int, timeout: Duration?, compression: CallCompression
  ) {
    self.outcome = outcome
    self.method = method
    self.timeout = timeout
    self.compression = compression
  }
}

/// Reads request headers. A pure function of the block, but for `metadata`, which it fills.
struct RequestHeadReader {
  private var isPost = false
  private var contentType = ContentType.missing
  private var method: PathTable.Method?
  private var unknownPath: String?
  private var hasQuery = false
  private var timeout: Duration?
  private var problem: RPCError?
  private var encoding: CompressionFormat?
  private var unknownEncoding: String?
  private var accepted: AcceptedEncodings?

  private enum ContentType {
    case missing
    case grpc
    case otherFormat
    case other
  }

  static func read(
    _ headers: borrowing HeaderBlock, _ table: PathTable, into metadata: inout MetadataBlock
  ) -> RequestHead {
    var reader = RequestHeadReader()
    headers.visitFields { name, rawName, value in
      reader.field(name, rawName, value, table, &metadata)
    }
    return RequestHead(
      outcome: reader.outcome(isTruncated: headers.isTruncated),
      method: reader.method?.index ?? PathTable.otherIndex, timeout: reader.timeout,
      compression: CallCompression(requests: reader.encoding, accepted: reader.accepted))
  }

  private func outcome(isTruncated: Bool) -> RequestHead.Outcome {
    if isTruncated, contentType == .grpc {
      return .refused(RPCError(.resourceExhausted, "The request's metadata is too large."))
    }
    guard isPost else { return .web }
    switch contentType {
    case .missing, .other: return .web
    case .otherFormat:
      return .refused(RPCError(.unimplemented, "The server speaks application/grpc+proto only."))
    case .grpc: break
    }
    if let problem { return .refused(problem) }
    guard let method, !hasQuery else { return .refused(.noMethod(path: unknownPath ?? "")) }
    if let unknownEncoding {
      return .unknownEncoding(
        RPCError(.unimplemented, "The server has no grpc-encoding \"\(unknownEncoding)\"."))
    }
    return .accepted(method.handler)
  }

  private mutating func field(
    _ name: HeaderName, _ rawName: RawSpan, _ value: RawSpan, _ table: PathTable,
    _ metadata: inout MetadataBlock
  ) {
    switch RequestField(name) {
    case .method:
      isPost = value.equals("POST")
    case .path:
      method = table.method(for: value)
      if method == nil { readUnknown(path: value, table) }
    case .contentType:
      contentType = Self.contentType(value)
    case .timeout:
      timeout = GRPCTimeout.decode(value)
      if timeout == nil { problem = .malformedTimeout }
    case .encoding:
      guard !value.equals("identity") else { return }
      encoding = CompressionFormat(name: value)
      if encoding == nil { unknownEncoding = String(value.string().prefix(32)) }
    case .acceptedEncodings:
      let encodings = AcceptedEncodings(value)
      if accepted?.formUnion(encodings) == nil { accepted = encodings }
    case .ignored:
      break
    case .metadata:
      if metadata.append(name: rawName, value: value) == .notBase64 {
        problem = .notBase64(metadata: rawName.string())
      }
    }
  }

  /// A path that is no method's may be one with a query, which only a call by GET has.
  private mutating func readUnknown(path: RawSpan, _ table: PathTable) {
    unknownPath = path.string()
    guard let end = (0..<path.byteCount).first(where: { path.byte(at: $0) == UInt8(ascii: "?") })
    else { return }
    hasQuery = true
    method = table.method(for: path.extracting(0..<end))
  }

  private static func contentType(_ value: RawSpan) -> ContentType {
    guard value.starts(with: "application/grpc") else { return .other }
    let size = "application/grpc".utf8.count
    guard value.byteCount > size else { return .grpc }
    let rest = value.extracting(size..<value.byteCount)
    switch rest.byte(at: 0) {
    case UInt8(ascii: ";"): return .grpc
    case UInt8(ascii: "+"):
      return rest.equals("+proto") || rest.starts(with: "+proto;") ? .grpc : .otherFormat
    default: return .other
    }
  }
}
