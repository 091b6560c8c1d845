internal import Buffers

/// Names a request that waits for its answer.
package typealias RequestID = UInt64
/// Names a webhook that is on its way.
package typealias WebhookID = UInt64

/// One HTTP request, at a region's address or at the control's.
package struct SimulatorRequest: Sendable, Hashable {
  package var method: String
  /// As sent: path and query.
  package var target: String
  package var authorization: String?
  package var contentType: String?
  package var body: [UInt8]

  package init(
    _ method: String, _ target: String, authorization: String? = nil,
    contentType: String? = nil, body: [UInt8] = []
  ) {
    self.contentType = contentType
    self.method = method
    self.target = target
    self.authorization = authorization
    self.body = body
  }

  /// Up to the first `?`, as sent.
  var path: String { String(target.prefix { $0 != "?" }) }

  /// The path's segments, decoded; nil when an escape is broken.
  var segments: [String]? {
    var segments: [String] = []
    for segment in path.split(separator: "/") {
      guard let bytes = FormEncoding.decode(segment.utf8, plusIsSpace: false),
        let text = String(validating: bytes, as: UTF8.self)
      else { return nil }
      segments.append(text)
    }
    return segments
  }

  /// The query's fields; nil when they are broken.
  var query: FormFields? {
    FormFields(parsing: target.utf8.drop { $0 != UInt8(ascii: "?") }.dropFirst())
  }

  /// The body's fields; nil when they are broken.
  var form: FormFields? { FormFields(parsing: body) }
}

/// What is answered.
package struct SimulatorAnswer: Sendable, Hashable {
  package var status: Int
  package var contentType = "application/json"
  package var body: [UInt8]
  package var retryAfter: Int?

  init(_ status: Int, _ body: JSON? = nil) {
    self.status = status
    self.body = Array((body?.text ?? "").utf8)
  }

  init(_ status: Int, contentType: String, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
}

/// A request to a webhook.
package struct OutgoingWebhook: Sendable, Hashable {
  package var id: WebhookID
  package var method: String
  package var url: String
  package var headers: [FormFields.Field]
  package var body: [UInt8]
  package var timeout: Duration
}

/// What came of a webhook.
package enum WebhookOutcome: Sendable, Hashable {
  package enum Failure: Sendable, Hashable {
    /// No connection came about.
    case connect
    /// Connected, but nothing whole came in time.
    case read
  }

  case answered(status: Int, contentType: String?, body: [UInt8])
  case failed(Failure)
}

/// What the shell has to do.
package enum SimulatorAction: Sendable, Hashable {
  case answer(RequestID, SimulatorAnswer)
  /// Close the connection without a byte of answer.
  case drop(RequestID)
  case send(OutgoingWebhook)
  case quit
}
