extension HTTPRequest {
  /// The most header fields of a request.
  static let headerCountMax = 64

  /// What forbids to hand the request to libcurl, or nil.
  ///
  /// libcurl writes a header as it gets it, so a line break in a value would become a header of the
  /// value's author; a NUL would end it.
  var flaw: HTTPClientError.Flaw? {
    guard url.utf8.count <= Self.urlLengthMax else { return .urlTooLong }
    guard hasAllowedURL else { return .urlNotAllowed }
    guard headers.count <= Self.headerCountMax else { return .tooManyHeaders }
    guard headers.allSatisfy({ $0.isAllowed }) else { return .headerNotAllowed }
    switch method {
    case .get, .delete: return body.isEmpty ? nil : .bodyNotAllowed
    case .post, .put: return nil
    }
  }

  private var hasAllowedURL: Bool {
    let text = url.utf8
    guard text.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
    guard let scheme = ["http://", "https://"].first(where: { url.hasPrefix($0) }) else {
      return false
    }
    let authority = text.dropFirst(scheme.utf8.count).prefix { byte in
      byte != UInt8(ascii: "/") && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
    }
    // A user in the URL would become credentials that no one sees.
    return !authority.isEmpty && !authority.contains(UInt8(ascii: "@"))
      && !authority.contains(UInt8(ascii: "\\"))
  }
}

extension HTTPRequest.Header {
  /// A token as name, no control character but TAB in the value (RFC 9110, section 5).
  fileprivate var isAllowed: Bool {
    !name.isEmpty && name.utf8.allSatisfy(isTokenByte)
      && value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
  }
}

private func isTokenByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"):
    true
  default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }
}
