internal import GRPC

/// A status as the Connect protocol has it (Connect, Error codes).
extension StatusCode {
  /// The code's name in an error's JSON.
  var connectName: String {
    switch self {
    case .ok: "ok"
    case .cancelled: "canceled"
    default: description.lowercased()
    }
  }

  /// The HTTP status of a unary call's error.
  var httpStatus: String {
    switch self {
    case .ok: "200"
    case .cancelled: "499"
    case .unknown, .internal, .dataLoss: "500"
    case .invalidArgument, .failedPrecondition, .outOfRange: "400"
    case .deadlineExceeded: "504"
    case .notFound: "404"
    case .alreadyExists, .aborted: "409"
    case .permissionDenied: "403"
    case .resourceExhausted: "429"
    case .unimplemented: "501"
    case .unavailable: "503"
    case .unauthenticated: "401"
    }
  }
}
