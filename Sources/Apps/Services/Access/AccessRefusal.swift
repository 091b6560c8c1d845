internal import Access
internal import GRPC

/// Why a call is not let in. No text says more of a token than that it is not good.
enum AccessRefusal: Sendable, Hashable {
  case tokenMissing
  case tokenMalformed
  case tokenInvalid
  case tokenExpired
  case identityUnknown
  case tooManyFailures(wait: Duration)
  case lookUpFailed
  case scopeMissing(Scope)
  case operatorOnly
  case noRule
  case rateLimited(wait: Duration)
  case stopping

  var error: RPCError {
    switch self {
    case .tokenMissing:
      unauthenticated(
        "TOKEN_MISSING",
        "The call says nothing of who makes it. Send the metadata `authorization: Bearer trk_…`; "
          + "`trunkline tokens create` makes a token.", challenge: "Bearer")
    case .tokenMalformed:
      unauthenticated(
        "TOKEN_INVALID",
        "What stands in `authorization` is no token: `Bearer trk_…` with all its characters is "
          + "expected.", challenge: Self.invalid)
    case .tokenInvalid:
      unauthenticated(
        "TOKEN_INVALID",
        "The token is not valid: it was revoked, or is of another deployment. Take another one.",
        challenge: Self.invalid)
    case .tokenExpired:
      unauthenticated(
        "TOKEN_EXPIRED", "The token has expired. `trunkline tokens create` makes another one.",
        challenge: Self.invalid)
    case .identityUnknown:
      unauthenticated(
        "IDENTITY_UNKNOWN",
        "No name of the client's certificate is in the server's --identities. Add it there, or "
          + "send a token.", challenge: "Bearer")
    case .tooManyFailures(let wait):
      ErrorDetails(
        .resourceExhausted, "TOO_MANY_FAILED_ATTEMPTS",
        "Too many calls from this address were not authenticated. Mend the token, then wait."
      ).retry(after: wait).error
    case .lookUpFailed:
      ErrorDetails(
        .unavailable, "STORE_UNAVAILABLE",
        "The token is not in memory, and the store can't be asked. Repeat later."
      ).retry(after: nil).error
    case .scopeMissing(let scope):
      ErrorDetails(
        .permissionDenied, "SCOPE_MISSING",
        "The method needs the scope \(scope), which the caller lacks. Take a token that has it.",
        metadata: ["scope": scope.rawValue]
      ).error
    case .operatorOnly:
      ErrorDetails(
        .permissionDenied, "OPERATOR_ONLY",
        "The method is for administrators of the deployment's first tenant."
      ).error
    case .noRule:
      ErrorDetails(
        .permissionDenied, "METHOD_NOT_SERVED", "The method is open to nobody."
      ).error
    case .rateLimited(let wait):
      ErrorDetails(
        .resourceExhausted, "RATE_LIMITED",
        "The tenant calls more often than it may. Wait, then repeat."
      ).retry(after: wait).error
    case .stopping:
      ErrorDetails(
        .unavailable, "SHUTTING_DOWN", "The server is stopping. Call again at another one."
      ).retry(after: nil).error
    }
  }

  private static let invalid = "Bearer error=\"invalid_token\""

  /// With the challenge of RFC 6750, section 3, in the trailing metadata: gRPC sends it in the only
  /// header block of such an answer, and a unary Connect call gets it as a header.
  private func unauthenticated(
    _ reason: String, _ message: String, challenge: String
  ) -> RPCError {
    var error = ErrorDetails(.unauthenticated, reason, message).error
    error.metadata["www-authenticate"] = challenge
    return error
  }
}
