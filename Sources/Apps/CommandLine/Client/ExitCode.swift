package import GRPC

/// What the CLI ends with. Scripts rely on the numbers.
package enum ExitCode: Int32, Sendable, CaseIterable {
  /// It was done.
  case success = 0
  /// A fault of the server or of the CLI: UNKNOWN, INTERNAL, DATA_LOSS, UNIMPLEMENTED. `doctor`
  /// found an error.
  case fault = 1
  /// The command line was not understood; nothing was sent.
  case usage = 2
  /// The server refuses the request as it is: INVALID_ARGUMENT, OUT_OF_RANGE.
  case invalid = 3
  /// What was named does not exist: NOT_FOUND.
  case notFound = 4
  /// Somebody else was faster, or it exists: ALREADY_EXISTS, ABORTED.
  case conflict = 5
  /// Something else has to be done first: FAILED_PRECONDITION.
  case precondition = 6
  /// PERMISSION_DENIED, UNAUTHENTICATED.
  case denied = 7
  /// A limit: RESOURCE_EXHAUSTED.
  case limit = 8
  /// The server or carrier can't be reached, or the time was over: UNAVAILABLE, DEADLINE_EXCEEDED,
  /// CANCELLED. Repeat, with the same request id where there is one.
  case unavailable = 9
  /// Of the calls of `calls place`, or the numbers of a file, some failed and others did not.
  case partial = 10

  package init(_ code: StatusCode) {
    switch code {
    case .ok: self = .success
    case .unknown, .internal, .dataLoss, .unimplemented: self = .fault
    case .invalidArgument, .outOfRange: self = .invalid
    case .notFound: self = .notFound
    case .alreadyExists, .aborted: self = .conflict
    case .failedPrecondition: self = .precondition
    case .permissionDenied, .unauthenticated: self = .denied
    case .resourceExhausted: self = .limit
    case .unavailable, .deadlineExceeded, .cancelled: self = .unavailable
    }
  }

  /// For help.
  var summary: String {
    switch self {
    case .success: "It was done."
    case .fault: "A fault of the server or of this program; doctor found an error."
    case .usage: "The command line was not understood."
    case .invalid: "The server refuses the request as it is."
    case .notFound: "What was named does not exist."
    case .conflict: "It exists already, or was changed meanwhile."
    case .precondition: "Something else has to be done first."
    case .denied: "Not allowed."
    case .limit: "A quota or a limit of the carrier."
    case .unavailable: "Not reached, or not in time: repeat."
    case .partial: "Some calls or numbers of several failed, others not."
    }
  }
}
