/// One whole incoming request.
package struct HTTPServerRequest: Sendable, Hashable {
  /// One header field. The name is compared without regard to case.
  package struct Header: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// As sent, as in `GET`.
  package var method: String
  /// The request's target as sent, nothing decoded: path, and query after `?`.
  package var target: String
  /// In the order of arrival.
  package var headers: [Header]
  package var body: [UInt8]
  /// The peer's address without its port, for logs; behind a proxy it is the proxy's.
  package var peerAddress: String

  package init(
    method: String, target: String, headers: [Header] = [], body: [UInt8] = [],
    peerAddress: String = ""
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    self.peerAddress = peerAddress
  }

  /// The target up to the first `?`, percent-encoding untouched.
  package var path: Substring { target.prefix { $0 != "?" } }

  /// The target after the first `?`, percent-encoding untouched; nil without one.
  package var query: Substring? {
    target.firstIndex(of: "?").map { target[target.index(after: $0)...] }
  }

  /// The value of the first header field of that name, in any case.
  package func header(_ name: String) -> String? {
    headers.first { isSameFieldName($0.name, name) }?.value
  }
}

/// What a handler answers.
package struct HTTPServerResponse: Sendable, Hashable {
  package var status: Int
  /// `Date`, `Content-Length` and `Connection` are the server's own.
  package var headers: [HTTPServerRequest.Header]
  package var body: [UInt8]
  var dropsConnection = false

  package init(status: Int, headers: [HTTPServerRequest.Header] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// A text of `contentType`, as in `application/json`.
  package init(status: Int, contentType: String, body: String) {
    self.init(
      status: status, headers: [.init("Content-Type", contentType)], body: Array(body.utf8))
  }

  /// Closes the connection without a byte of answer.
  package static let dropConnection = {
    var response = HTTPServerResponse(status: 500)
    response.dropsConnection = true
    return response
  }()
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
