internal import HTTPClient
internal import Telephony

/// Why Twilio did not do what was asked, before it is told in a port's words.
struct TwilioFailure: Error, Sendable, Hashable {
  /// The table of `facts/telephony.md`, 4.7.
  enum Kind: Sendable, Hashable, CaseIterable {
    case credentials
    /// They are for tests.
    case testCredentials
    /// A restricted key lacks the permission.
    case keyRestricted
    case account
    /// The credentials are good but may not do this.
    case notPermitted
    case notFound
    case conflict
    /// Too many requests at once; this one was not carried out.
    case throttled
    /// A maximum of the account.
    case limit
    case invalid
    /// Nobody can buy the number, or none fits.
    case notForSale
    /// An address or a bundle of the buyer is wanted.
    case papersMissing
    /// The account may not buy.
    case purchaseRefused
    /// The destination, the caller id or the country may not be called.
    case callNotAllowed
    /// The destination can't be reached.
    case callNotPossible
    /// 5xx, a lost connection, a timeout.
    case down
    /// Not the answer that was asked for.
    case unreadable
  }

  enum Effect: Sendable, Hashable {
    case beforeSend
    case refused
    case unknown
  }

  var kind: Kind
  var effect: Effect
  var code: Int?
  /// Without numbers and secrets.
  var message: String
  var retryAfter: Duration?

  init(
    _ kind: Kind, effect: Effect, code: Int? = nil, message: String, retryAfter: Duration? = nil
  ) {
    self.kind = kind
    self.effect = effect
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }

  /// The carrier itself says that there is nothing of that name; a page by something in between,
  /// which has no code, says nothing.
  var isAbsence: Bool { kind == .notFound && code == 20404 }

  /// No answer came.
  init(_ error: HTTPClientError) {
    let effect: Effect = error.sent == .beforeSend ? .beforeSend : .unknown
    switch error {
    case .invalidRequest:
      self.init(.invalid, effect: effect, message: error.description)
    case .malformedResponse, .responseTooLarge:
      self.init(.unreadable, effect: effect, message: error.description)
    case .queueFull, .closed, .cancelled, .timedOut, .unresolvable, .unreachable, .tlsFailed,
      .connectionLost, .failed:
      self.init(.down, effect: effect, message: error.description)
    }
  }

  /// An answer that is not a success.
  init(_ response: HTTPResponse) {
    let envelope = JSONValue(parsing: response.body)
    let code = envelope?["code"]?.integer
    let kind = Self.kind(code: code, status: response.status)
    self.init(
      kind, effect: Self.effect(of: kind, status: response.status), code: code,
      message: Redaction.redact(envelope?["message"]?.string ?? "HTTP status \(response.status)"),
      retryAfter: response.retryAfter)
  }

  /// A success whose body can't be read: what was asked may have been done.
  static func unreadable(_ what: String) -> TwilioFailure {
    TwilioFailure(.unreadable, effect: .unknown, message: "The carrier's answer has no \(what).")
  }

  static func kind(code: Int?, status: Int) -> Kind {
    guard status < 500 else { return .down }
    guard status >= 400 else { return .unreadable }
    switch code {
    // A restricted key without the permission answers 403; a wrong key 401.
    case 20003: return status == 403 ? .keyRestricted : .credentials
    case 20006: return status == 403 ? .notPermitted : .credentials
    case 20008: return .testCredentials
    case 10001, 10003, 20005: return .account
    case 21404, 22300: return .purchaseRefused
    case 21422, 21452: return .notForSale
    case 21615, 21631, 21649: return .papersMissing
    case 20404: return .notFound
    case 20409, 20009, 21220, 21241, 21247, 21248, 21634, 22221: return .conflict
    case 20429: return .throttled
    case 10004, 21242, 21244, 21249, 21253, 21254: return .limit
    case 21203, 21210, 21215, 21216, 21219, 13225, 13227, 32204, 32205: return .callNotAllowed
    case 21214, 13224, 32017: return .callNotPossible
    case 20500, 20503: return .down
    default: return kind(status: status)
    }
  }

  private static func kind(status: Int) -> Kind {
    switch status {
    case 401: .credentials
    case 403: .notPermitted
    case 404: .notFound
    case 408: .down
    case 409: .conflict
    case 429: .throttled
    default: .invalid
    }
  }

  private static func effect(of kind: Kind, status: Int) -> Effect {
    switch kind {
    case .down, .unreadable: .unknown
    case .credentials, .testCredentials, .keyRestricted, .account, .notPermitted, .notFound,
      .conflict, .throttled, .limit, .invalid, .notForSale, .papersMissing, .purchaseRefused,
      .callNotAllowed, .callNotPossible:
      .refused
    }
  }
}
