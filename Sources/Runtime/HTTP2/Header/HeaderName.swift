/// The header names that gRPC reads, told from each other once, when they arrive.
package enum HeaderName: UInt8, Sendable {
  case other = 0
  case method
  case scheme
  case authority
  case path
  case status
  case te
  case contentType
  case userAgent
  case grpcTimeout
  case grpcEncoding
  case grpcAcceptEncoding
  case grpcStatus
  case grpcMessage
  case grpcStatusDetails
  case contentLength

  /// Tells the name apart.
  package init(_ name: String) {
    self = unsafe Array(name.utf8).withUnsafeBytes { unsafe HeaderName($0) }
  }

  init(_ name: UnsafeRawBufferPointer) {
    self = .other
    guard let (text, candidate) = unsafe Self.candidate(name) else { return }
    let matches = text.withUTF8Buffer { known in
      unsafe known.elementsEqual(name)
    }
    if matches { self = candidate }
  }

  /// The one known name that `name` may be, told by its length and a byte.
  private static func candidate(
    _ name: UnsafeRawBufferPointer
  ) -> (StaticString, HeaderName)? {
    switch name.count {
    case 2: ("te", .te)
    case 5: (":path", .path)
    case 7:
      if unsafe name[1] == UInt8(ascii: "m") {
        (":method", .method)
      } else if unsafe name[2] == UInt8(ascii: "c") {
        (":scheme", .scheme)
      } else {
        (":status", .status)
      }
    case 10:
      unsafe name[0] == UInt8(ascii: ":") ? (":authority", .authority) : ("user-agent", .userAgent)
    case 11: ("grpc-status", .grpcStatus)
    case 12:
      if unsafe name[0] == UInt8(ascii: "c") {
        ("content-type", .contentType)
      } else if unsafe name[5] == UInt8(ascii: "t") {
        ("grpc-timeout", .grpcTimeout)
      } else {
        ("grpc-message", .grpcMessage)
      }
    case 13: ("grpc-encoding", .grpcEncoding)
    case 14: ("content-length", .contentLength)
    case 20: ("grpc-accept-encoding", .grpcAcceptEncoding)
    case 23: ("grpc-status-details-bin", .grpcStatusDetails)
    default: nil
    }
  }
}
