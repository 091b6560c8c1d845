internal import Buffers
internal import Compression
internal import GRPC
internal import HTTP2

/// The headers of a request that is not plain gRPC, sorted: what belongs to a protocol, and the
/// rest, which is metadata.
struct WebRequestHead: Sendable {
  private(set) var method = ""
  /// Without the query.
  private(set) var path: [UInt8] = []
  /// What stands behind the "?".
  private(set) var query: String?
  private(set) var contentType: String?
  private(set) var accept: [String] = []
  private(set) var origin: String?
  /// Of a preflight: the names of the headers that the request shall have.
  private(set) var requestedHeaders: String?
  private(set) var protocolVersion: String?
  /// How request bodies or messages are compressed, by the header that says so.
  private(set) var encodings = Encodings()
  /// Which encodings the client reads, by the header that says so.
  private(set) var acceptedEncodings = Encodings()
  private var grpcTimeout: String?
  private var connectTimeout: String?
  /// Whether headers are missing because they broke a bound.
  private(set) var isTruncated = false
  /// The first name of binary metadata that is not base64.
  private(set) var malformedName: String?

  /// The three headers that each of the framings has for the same thing.
  struct Encodings: Hashable, Sendable {
    fileprivate(set) var http: String?
    fileprivate(set) var connect: String?
    fileprivate(set) var grpc: String?

    /// What holds for `framing`.
    func value(for framing: WebFormat.Framing) -> String? {
      switch framing {
      case .grpcWeb, .grpcWebText: grpc
      case .connectUnary: http
      case .connectStreaming: connect
      }
    }
  }

  /// Sorts `headers`, and writes what is metadata to `metadata`.
  init(_ headers: borrowing HeaderBlock, metadata: inout MetadataBlock) {
    isTruncated = headers.isTruncated
    headers.visitFields { known, name, value in
      let text = name.string()
      guard !take(RequestField(known), text, value.string()) else { return }
      guard metadata.append(name: name, value: value) == .notBase64 else { return }
      malformedName = malformedName ?? text
    }
  }

  /// Sorts `headers`, whose metadata is passed over.
  init(_ headers: [WebField]) {
    for header in headers {
      _ = take(RequestField(HeaderName(header.name)), header.name, header.value)
    }
  }

  /// Takes a header that belongs to a protocol; `false` if it is metadata.
  private mutating func take(_ field: RequestField, _ name: String, _ value: String) -> Bool {
    switch field {
    case .method: method = value
    case .path: take(path: value)
    case .contentType: contentType = value
    case .timeout: grpcTimeout = value
    case .encoding: encodings.grpc = value
    case .acceptedEncodings: acceptedEncodings.grpc = value
    case .ignored: break
    case .metadata: return takeOfWeb(name, value)
    }
    return true
  }

  /// The same for what plain gRPC does not have.
  private mutating func takeOfWeb(_ name: String, _ value: String) -> Bool {
    switch name {
    case "accept": accept = value.listElements
    case "access-control-request-headers": requestedHeaders = value
    case "connect-protocol-version": protocolVersion = value
    case "content-encoding": encodings.http = value
    case "connect-content-encoding": encodings.connect = value
    case "accept-encoding": acceptedEncodings.http = value
    case "connect-accept-encoding": acceptedEncodings.connect = value
    case "connect-timeout-ms": connectTimeout = value
    case "origin":
      origin = value
      // A handler may want to know it too.
      return false
    case "x-grpc-web", "access-control-request-method": break
    default: return false
    }
    return true
  }

  private mutating func take(path: String) {
    guard let mark = path.firstIndex(of: "?") else {
      self.path = Array(path.utf8)
      return
    }
    self.path = Array(path[..<mark].utf8)
    query = String(path[path.index(after: mark)...])
  }

  /// How messages of `format` may be compressed, when the request is in `encoding`.
  func compression(for format: WebFormat, encoding: String?) -> CallCompression {
    let requests = encoding.flatMap { CompressionFormat(rawValue: $0) }
    let accepted = acceptedEncodings.value(for: format.framing).map { list in
      Array(list.utf8).withBytes { AcceptedEncodings($0) }
    }
    var compression = CallCompression(requests: requests, accepted: accepted)
    // A Connect client reads what it writes, unless it says otherwise.
    if format.isConnect, accepted == nil { compression.responses = requests }
    return compression
  }

  /// How long the caller waits; `nil` is for ever. Throws when the header of `format`'s protocol
  /// is malformed.
  func timeout(for format: WebFormat) throws(RPCError) -> Duration? {
    if format.isConnect {
      guard let connectTimeout else { return nil }
      let digits = connectTimeout.utf8
      guard (1...10).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
        let milliseconds = Int64(connectTimeout)
      else { throw RPCError(.invalidArgument, "connect-timeout-ms is not 1 to 10 digits.") }
      return .milliseconds(milliseconds)
    }
    guard let grpcTimeout else { return nil }
    guard let timeout = Array(grpcTimeout.utf8).withBytes({ GRPCTimeout.decode($0) }) else {
      throw RPCError.malformedTimeout
    }
    return timeout
  }
}
