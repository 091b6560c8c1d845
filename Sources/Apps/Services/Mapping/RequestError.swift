internal import GRPC

/// What is wrong with a request before any use case sees it: its form.
enum RequestError: Error, Hashable {
  case missing(field: String)
  case unknownValue(field: String, value: Int32, known: String)
  /// A text that is no id of that kind; `form` says what one looks like.
  case malformed(field: String, form: String)

  var details: ErrorDetails {
    switch self {
    case .missing(let field):
      ErrorDetails.invalid([(field, "REQUIRED", "It is required.")])
    case .unknownValue(let field, let value, let known):
      ErrorDetails.invalid(
        [(field, "UNKNOWN", "The value \(value) is not known. Known are \(known).")])
    case .malformed(let field, let form):
      ErrorDetails.invalid([(field, "MALFORMED", "It must be \(form).")])
    }
  }
}

extension RPCError {
  init(_ error: RequestError) { self = error.details.error }
}
