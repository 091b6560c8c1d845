internal import HTTPClient
internal import Protobuf
internal import Registry
internal import Telephony
internal import WellKnown

/// What a Twirp server says went wrong: JSON, whatever the request was.
struct TwirpError: Sendable, Hashable {
  /// Source: twitchtv.github.io/twirp/docs/spec_v7.html, "Error Codes".
  enum Code: String, Sendable, CaseIterable {
    case canceled, unknown, malformed, aborted, unimplemented, `internal`, unavailable, dataloss
    case unauthenticated
    case invalidArgument = "invalid_argument"
    case deadlineExceeded = "deadline_exceeded"
    case notFound = "not_found"
    case badRoute = "bad_route"
    case alreadyExists = "already_exists"
    case permissionDenied = "permission_denied"
    case resourceExhausted = "resource_exhausted"
    case failedPrecondition = "failed_precondition"
    case outOfRange = "out_of_range"
  }

  let code: Code
  let message: String

  /// nil when the body is not one, as when a proxy in between answered.
  init?(_ body: [UInt8]) {
    guard let members = try? Google.Protobuf.Struct(json: body),
      case .stringValue(let text)? = members.fields["code"]?.kind, let code = Code(rawValue: text)
    else { return nil }
    self.code = code
    if case .stringValue(let text)? = members.fields["msg"]?.kind {
      message = text
    } else {
      message = ""
    }
  }

  /// What the port calls it, and whether something may have been done.
  var meaning: (kind: CarrierError.Kind, effect: CarrierError.Effect) {
    // Older servers call it internal (livekit/protocol, `sip/sip.go`).
    if message.hasPrefix("Conflicting ") { return (.conflict, .refused) }
    return switch code {
    case .canceled, .deadlineExceeded, .unavailable, .internal, .unknown, .dataloss:
      (.unavailable, .unknown)
    case .invalidArgument, .malformed, .outOfRange, .unimplemented, .badRoute:
      (.invalidRequest, .refused)
    case .notFound: (.notFound, .refused)
    case .alreadyExists, .aborted, .failedPrecondition: (.conflict, .refused)
    case .permissionDenied: (.notPermitted, .refused)
    case .resourceExhausted: (.limited, .refused)
    // The server's word for a grant that lacks (livekit/livekit, `pkg/service/auth.go`).
    case .unauthenticated where message.contains("permissions denied"): (.notPermitted, .refused)
    case .unauthenticated: (.credentialsRefused, .refused)
    }
  }
}

extension CarrierError {
  /// An answer that is not a success.
  init(_ response: HTTPResponse, _ access: GatewayAccess, now: Timestamp) {
    let error = TwirpError(response.body)
    var (kind, effect) = error?.meaning ?? Self.meaning(ofStatus: response.status)
    let words = error?.message ?? Self.plainText(response) ?? ""
    // Of a wrong secret it says that the token is invalid (livekit/livekit, `pkg/service/auth.go`).
    if kind == .credentialsRefused, words.contains("API key") { kind = .keyUnknown }
    let text = words.isEmpty ? "HTTP status \(response.status)" : words
    let date = response.header("date").flatMap { CarrierDate.parse($0) }
    self.init(
      kind, effect: effect, message: Self.redact(text, access), retryAfter: response.retryAfter,
      clockDifference: date?.duration(since: now))
  }

  /// What a status says that did not come from Twirp: from the server's check of tokens, or from
  /// something in between. A 404 of that kind says nothing about what was asked for.
  private static func meaning(ofStatus status: Int) -> (Kind, Effect) {
    switch status {
    case 401: (.credentialsRefused, .refused)
    case 403: (.notPermitted, .refused)
    case 429: (.limited, .refused)
    case 408, 500...: (.unavailable, .unknown)
    default: (.unreadableAnswer, .unknown)
    }
  }

  /// The body, where it is a line of words: so LiveKit says what is wrong with a token.
  private static func plainText(_ response: HTTPResponse) -> String? {
    guard response.header("content-type")?.hasPrefix("text/html") != true,
      let text = String(validating: response.body.prefix(Redaction.lengthMax * 8), as: UTF8.self),
      let first = text.utf8.first, !"<{[".utf8.contains(first)
    else { return nil }
    return text
  }

  /// LiveKit quotes tokens, keys and numbers.
  private static func redact(_ text: String, _ access: GatewayAccess) -> String {
    guard !access.apiKey.isEmpty else { return Redaction.redact(text) }
    return Redaction.redact(text.replacing(access.apiKey, with: "***"))
  }

  /// No answer came.
  init(_ error: HTTPClientError) {
    let effect: Effect = error.sent == .beforeSend ? .beforeSend : .unknown
    let kind: Kind =
      switch error {
      case .invalidRequest: .invalidRequest
      case .malformedResponse, .responseTooLarge: .unreadableAnswer
      case .queueFull, .closed, .cancelled, .timedOut, .unresolvable, .unreachable, .tlsFailed,
        .connectionLost, .failed:
        .unavailable
      }
    self.init(kind, effect: effect, message: error.description)
  }

  /// A success that can't be read: what was asked may have been done.
  static func unreadable(_ message: String) -> CarrierError {
    CarrierError(.unreadableAnswer, effect: .unknown, message: message)
  }
}
