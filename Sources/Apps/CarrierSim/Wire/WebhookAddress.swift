internal import Buffers

/// A webhook's URL: what is fetched, and the wishes in its fragment.
///
/// Source: twilio.com/docs/usage/webhooks/webhooks-connection-overrides.
struct WebhookAddress: Sendable, Hashable {
  /// What makes another try worth it.
  enum Reason: String, Sendable, Hashable {
    case clientError = "4xx"
    case serverError = "5xx"
    case connect = "ct"
    case read = "rt"
    case all
  }

  /// Without fragment, user and password.
  let url: String
  /// HTTP Basic for the user and password in the URL.
  let authorization: String?
  /// Tries after the first: `rc`, 0 to 5.
  let retryCountMax: Int
  /// `rp`.
  let reasons: Set<Reason>
  /// The shorter of `rt` and `tt`; nil without both.
  let timeoutMilliseconds: Int?

  /// The longest URL that Twilio takes for a webhook.
  static let lengthMax = 4000

  /// Nil when it is not an absolute http or https URL.
  init?(_ text: String) {
    guard text.utf8.count <= Self.lengthMax, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
    else { return nil }
    let halves = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    guard let scheme = ["http://", "https://"].first(where: { halves[0].hasPrefix($0) }) else {
      return nil
    }
    let rest = halves[0].dropFirst(scheme.count)
    var authority = rest.prefix { $0 != "/" && $0 != "?" }
    let tail = rest.dropFirst(authority.count)
    var authorization: String?
    if let at = authority.lastIndex(of: "@") {
      guard let login = FormEncoding.decode(authority[..<at].utf8, plusIsSpace: false),
        String(validating: login, as: UTF8.self) != nil
      else { return nil }
      authorization = "Basic " + Base64.encode(login)
      authority = authority[authority.index(after: at)...]
    }
    guard !authority.isEmpty, authority.first != ":" else { return nil }
    url = scheme + authority + tail
    self.authorization = authorization

    let wishes = FormFields(parsing: halves.count == 2 ? Array(halves[1].utf8) : [])
    retryCountMax = min(max(wishes?["rc"].flatMap { Int($0) } ?? 1, 0), 5)
    let reasons = (wishes?["rp"] ?? "ct").split(separator: ",")
    self.reasons = Set(reasons.compactMap { Reason(rawValue: String($0)) })
    timeoutMilliseconds = [wishes?["rt"], wishes?["tt"]].compactMap { $0.flatMap { Int($0) } }
      .map { min(max($0, 100), 15000) }.min()
  }
}
