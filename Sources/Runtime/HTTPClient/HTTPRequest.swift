/// One request of an outgoing HTTP exchange.
package struct HTTPRequest: Sendable, Hashable {
  package enum Method: String, Sendable, Hashable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"

    /// Whether libcurl may send it over a kept connection, where it can be sent twice unseen when
    /// the peer closes the connection at that moment.
    var isSafe: Bool { self == .get }
  }

  /// One header field. The name is compared without regard to case.
  package struct Header: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package var method: Method
  /// Absolute, `http` or `https`, without user and password; at most ``urlLengthMax`` bytes.
  package var url: String
  /// Sent in this order. CR, LF and NUL are refused.
  package var headers: [Header]
  /// Sent with `POST` and `PUT`; refused with the others.
  package var body: [UInt8]
  /// From the call of `send` to the last byte of the answer; the configuration's when nil.
  package var timeout: Duration?

  package init(
    _ method: Method, _ url: String, headers: [Header] = [], body: [UInt8] = [],
    timeout: Duration? = nil
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.timeout = timeout
  }

  /// The longest URL.
  package static let urlLengthMax = 8192
}

/// The answer of an outgoing HTTP exchange, of whatever status.
package struct HTTPResponse: Sendable, Hashable {
  package var status: Int
  /// In the order of arrival, those of a trailer last.
  package var headers: [HTTPRequest.Header]
  package var body: [UInt8]

  package init(status: Int, headers: [HTTPRequest.Header] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The value of the first header field of that name, in any case.
  package func header(_ name: String) -> String? {
    headers.first { isSameFieldName($0.name, name) }?.value
  }

  /// The longest wait that a peer can ask for and is told of.
  package static let retryAfterMax: Duration = .seconds(3600)

  /// How long the peer asks to wait (RFC 9110, section 10.2.3), at most ``retryAfterMax``; nil when
  /// it asks for none, or names a date.
  package var retryAfter: Duration? {
    guard let seconds = header("retry-after").flatMap({ Int($0) }), seconds >= 0 else {
      return nil
    }
    return min(.seconds(seconds), Self.retryAfterMax)
  }
}

/// Compares two field names as HTTP does (RFC 9110, section 5.1): without regard to ASCII case.
func isSameFieldName(_ left: String, _ right: String) -> Bool {
  let left = left.utf8
  let right = right.utf8
  guard left.count == right.count else { return false }
  return zip(left, right).allSatisfy { asciiLowercased($0) == asciiLowercased($1) }
}

private func asciiLowercased(_ byte: UInt8) -> UInt8 {
  byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
}
