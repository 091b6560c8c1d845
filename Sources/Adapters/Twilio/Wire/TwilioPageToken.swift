internal import Buffers
internal import Registry

/// Where the next page of a list begins: Twilio's page number and its opaque token.
///
/// A caller brings it back, so it is checked: it becomes part of a query and of nothing else.
struct TwilioPageToken: Sendable, Hashable {
  let number: Int
  let token: String

  /// As the port carries it, `2.PAPN…`.
  var text: String { "\(number).\(token)" }

  init?(_ text: String) {
    guard text.utf8.count <= RegistryLimits.carrierPageTokenLengthMax else { return nil }
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int(parts[0]), number > 0, number < 1_000_000,
      parts[1].utf8.allSatisfy({ FormEncoding.isAlphanumeric($0) || "-_".utf8.contains($0) })
    else { return nil }
    self.number = number
    self.token = String(parts[1])
  }

  /// From the query of a `next_page_uri` or a `next_page_url`, the only part of it that is used.
  init?(nextPageURI uri: String) {
    guard let question = uri.firstIndex(of: "?") else { return nil }
    var page = ""
    var token = ""
    for field in uri[uri.index(after: question)...].split(separator: "&") {
      if field.hasPrefix("Page=") { page = String(field.dropFirst(5)) }
      if field.hasPrefix("PageToken=") { token = String(field.dropFirst(10)) }
    }
    self.init("\(page).\(token)")
  }
}
