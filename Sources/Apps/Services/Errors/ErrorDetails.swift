internal import GRPC

/// Puts together an error of ours: a status, a text that names cause and remedy, and the standard
/// details (AIP-193). Every one carries `google.rpc.ErrorInfo` of the domain `trunkline.dev`.
struct ErrorDetails {
  /// `google.rpc.ErrorInfo.domain` of all our errors.
  static let domain = "trunkline.dev"

  let error: RPCError

  /// `reason` is UPPER_SNAKE_CASE, at most 63 characters; `metadata` holds the dynamic parts of
  /// the message, no secret and no full phone number.
  init(
    _ code: StatusCode, _ reason: String, _ message: String, metadata: [String: String] = [:]
  ) {
    let info = ErrorDetail.errorInfo(reason: reason, domain: Self.domain, metadata: metadata)
    error = RPCError(code, message).adding(info)
  }

  private init(_ error: RPCError) { self.error = error }

  /// Adds a `google.rpc.BadRequest` with its violations: (field, reason, description).
  func violations(
    _ violations: [(field: String, reason: String, description: String)]
  ) -> ErrorDetails {
    adding(.badRequest(violations))
  }

  /// Adds a `google.rpc.ResourceInfo`, as (`trunkline.v1.Provider`, id).
  func resource(_ type: String, _ name: String) -> ErrorDetails {
    adding(.resourceInfo(type: type, name: name))
  }

  /// Adds a `google.rpc.PreconditionFailure` with its violations: (type, subject, description).
  func preconditions(
    _ violations: [(type: String, subject: String, description: String)]
  ) -> ErrorDetails {
    adding(.preconditionFailure(violations))
  }

  /// Adds a `google.rpc.QuotaFailure` with one violation.
  func quota(subject: String, _ description: String) -> ErrorDetails {
    adding(.quotaFailure([(subject: subject, description: description)]))
  }

  /// Adds a `google.rpc.RetryInfo`; a second where nobody said how long.
  func retry(after delay: Duration?) -> ErrorDetails {
    adding(.retryInfo(after: delay ?? .seconds(1)))
  }

  private func adding(_ detail: ErrorDetail) -> ErrorDetails { ErrorDetails(error.adding(detail)) }
}
