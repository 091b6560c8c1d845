package import Telephony

/// The paths that carriers call; the only place that knows their form.
///
/// ```
/// /v1/numbers/{number id}/{token}/voice     /v1/calls/{call id}/{token}/voice
/// /v1/numbers/{number id}/{token}/status    /v1/calls/{call id}/{token}/status
/// ```
package enum WebhookPath: Sendable, Hashable {
  package enum Purpose: String, Sendable, Hashable, CaseIterable {
    /// Asks what to do with the call.
    case voice
    /// Tells how the call stands.
    case status
  }

  case number(PhoneNumberID, WebhookToken, Purpose)
  case call(CallID, WebhookToken, Purpose)

  /// Nil when it is none of ours: the caller gets no hint how close it was.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0].isEmpty, parts[1] == "v1",
      let token = try? WebhookToken(parts[4]), let purpose = Purpose(rawValue: String(parts[5]))
    else { return nil }
    switch parts[2] {
    case "numbers":
      guard let number = try? PhoneNumberID(parts[3]) else { return nil }
      self = .number(number, token, purpose)
    case "calls":
      guard let call = try? CallID(String(parts[3])) else { return nil }
      self = .call(call, token, purpose)
    default: return nil
    }
  }

  /// Beginning with a slash, to be appended to a public URL. Holds a token: never for a log.
  package var text: String {
    switch self {
    case .number(let number, let token, let purpose):
      "/v1/numbers/\(number)/\(token.text)/\(purpose.rawValue)"
    case .call(let call, let token, let purpose):
      "/v1/calls/\(call)/\(token.text)/\(purpose.rawValue)"
    }
  }

  package var purpose: Purpose {
    switch self {
    case .number(_, _, let purpose), .call(_, _, let purpose): purpose
    }
  }
}

/// Where carriers reach us, per region (`--public-url`).
package struct PublicURLs: Sendable, Hashable {
  private var bases: [Region: String]

  /// Takes each region's URL with or without its last slash.
  package init(_ bases: [Region: String]) {
    self.bases = bases.mapValues { base in
      base.hasSuffix("/") ? String(base.dropLast()) : base
    }
  }

  /// The whole URL of a path; nil when nothing is configured for the region.
  package func url(of path: WebhookPath, in region: Region) -> String? {
    bases[region].map { $0 + path.text }
  }
}
