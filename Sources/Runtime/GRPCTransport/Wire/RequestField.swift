internal import GRPC
internal import HTTP2

/// What a header of a request is to gRPC, whatever framing the request has: the one table of it.
enum RequestField {
  case method
  case path
  case contentType
  case timeout
  case encoding
  case acceptedEncodings
  /// HTTP's own, which nobody here asks for.
  case ignored
  /// The caller's, unless the request's framing knows it.
  case metadata

  init(_ name: HeaderName) {
    self =
      switch name {
      case .method: .method
      case .path: .path
      case .contentType: .contentType
      case .grpcTimeout: .timeout
      case .grpcEncoding: .encoding
      case .grpcAcceptEncoding: .acceptedEncodings
      case .scheme, .authority, .status, .te, .contentLength: .ignored
      case .other, .userAgent, .grpcStatus, .grpcMessage, .grpcStatusDetails: .metadata
      }
  }
}

extension RPCError {
  static func notBase64(metadata name: String) -> RPCError {
    RPCError(.invalidArgument, "The metadata \(name.prefix(64)) is not base64.")
  }

  static let malformedTimeout = RPCError(
    .invalidArgument, "grpc-timeout is not 1 to 8 digits and a unit.")
}
