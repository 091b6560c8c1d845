/// Which pages of other origins a browser lets read our answers (Fetch, CORS protocol).
///
/// Cookies and client certificates are never allowed: a page says who it is in a header.
struct CORSPolicy: Hashable, Sendable {
  /// As browsers write them, "https://example.com:8443"; "*" is every origin. Empty: no header of
  /// the protocol is ever sent.
  let origins: [String]

  /// How long a browser may keep a preflight's answer, in seconds: what Chromium takes at most.
  private static let preflightLifetime = 7200
  /// How many bytes of names a preflight may ask for.
  private static let requestedHeadersMax = 4 << 10

  /// Whom to name as allowed; `nil` if `origin` is not.
  private func allowed(_ origin: String?) -> String? {
    guard let origin else { return nil }
    if origins.contains("*") { return "*" }
    return origins.contains(origin) ? origin : nil
  }

  /// What every answer to a request from `origin` says.
  func fields(origin: String?) -> [WebField] {
    guard !origins.isEmpty else { return [] }
    guard let allowed = allowed(origin) else { return [WebField("vary", "origin")] }
    return [
      WebField("access-control-allow-origin", allowed),
      WebField(
        "access-control-expose-headers", "*, grpc-status, grpc-message, grpc-status-details-bin"),
      WebField("vary", "origin"),
    ]
  }

  /// The answer to a preflight; `nil` if there are no allowed origins at all, and OPTIONS is a
  /// method like others.
  func preflight(_ head: WebRequestHead) -> WebResponse? {
    guard !origins.isEmpty else { return nil }
    let vary = WebField(
      "vary", "origin, access-control-request-method, access-control-request-headers")
    guard let allowed = allowed(head.origin) else {
      return WebResponse(status: "403", fields: [vary])
    }
    var fields = [
      WebField("access-control-allow-origin", allowed),
      WebField("access-control-allow-methods", "POST, GET"),
      WebField("access-control-max-age", "\(Self.preflightLifetime)"),
      vary,
    ]
    // Metadata has any name, so whatever is asked for is allowed.
    if let names = head.requestedHeaders, !names.isEmpty,
      names.utf8.count <= Self.requestedHeadersMax, names.utf8.allSatisfy(Self.isListed)
    {
      fields.append(WebField("access-control-allow-headers", names))
    }
    return WebResponse(status: "204", fields: fields)
  }

  /// Whether a list of header names may have the byte (RFC 9110, section 5.6.2).
  private static func isListed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~, ".utf8.contains(byte)
    }
  }
}
