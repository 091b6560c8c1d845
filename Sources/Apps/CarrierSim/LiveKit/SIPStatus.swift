/// What a SIP response means to whoever asked for a call.
///
/// Source: livekit/protocol, `livekit/sip.go`.
enum SIPStatus {
  static func code(_ status: Int) -> TwirpError.Code {
    switch status {
    case 400, 405, 406,
      410...417 where status != 410 && status != 412:
      .invalidArgument
    case 484, 485, 488, 489: .invalidArgument
    case 401, 402, 403, 433, 470: .permissionDenied
    case 407, 428, 436...438, 494: .unauthenticated
    case 301, 302, 404, 410, 481: .notFound
    case 408, 504: .deadlineExceeded
    case 409, 412, 482, 483, 500...503: .failedPrecondition
    case 440, 480, 486: .resourceExhausted
    case 487, 491: .aborted
    default: .internal
    }
  }

  static func reason(_ status: Int) -> String {
    switch status {
    case 403: "Forbidden"
    case 404: "Not Found"
    case 408: "Request Timeout"
    case 480: "Temporarily Unavailable"
    case 486: "Busy Here"
    case 487: "Request Terminated"
    case 503: "Service Unavailable"
    case 603: "Decline"
    default: "Failed"
    }
  }

  /// The error of a call or transfer that ended with `status`.
  static func error(_ status: Int, _ what: String) -> TwirpError {
    var error = TwirpError(code(status), "\(what): \(status) \(reason(status))")
    error.meta = [
      ("sip_status_code", String(status)), ("sip_status", reason(status)),
    ]
    return error
  }
}

extension FarEnd {
  /// What the other side answers an INVITE with; nil when it takes the call.
  var sipStatus: Int? {
    switch outcome {
    case .answer: nil
    case .busy: sipCode ?? 486
    case .noAnswer: sipCode ?? 480
    case .failed: sipCode ?? 503
    case .refuse: sipCode ?? 403
    }
  }
}
