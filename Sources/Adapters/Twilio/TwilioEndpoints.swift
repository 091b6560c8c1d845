internal import Telephony

/// Where Twilio is asked, per region: a fixed table, or a test's addresses in its place.
///
/// A host made of a region's name alone (`api.ie1.twilio.com`) once reached us1 unseen and is
/// switched off since April 2026, so no host is ever built from one.
/// Source: twilio.com/docs/global-infrastructure, using-the-twilio-rest-api-in-a-non-us-region.
package struct TwilioEndpoints: Sendable, Hashable {
  /// A product, by the first label of its host.
  enum Product: String, Sendable {
    case api
    case routes
    case trunking
    case voice
  }

  private let overrides: [Region: String]

  /// Twilio's own hosts.
  package static let twilio = TwilioEndpoints(overrides: [:])

  private init(overrides: [Region: String]) { self.overrides = overrides }

  /// Addresses in place of Twilio's hosts, as in `us1=http://127.0.0.1:8701,ie1=…`
  /// (`--twilio-endpoints`).
  ///
  /// The product becomes the first segment of the path. A region that is not named can't be asked,
  /// so that a test never reaches Twilio by mistake. Nil when the text has another form.
  package init?(parsing text: String) {
    var overrides: [Region: String] = [:]
    for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let region = Region(rawValue: String(parts[0])),
        overrides[region] == nil
      else { return nil }
      var url = String(parts[1])
      if url.hasSuffix("/") { url.removeLast() }
      let scheme = ["http://", "https://"].first { url.hasPrefix($0) }
      guard let scheme, url.utf8.count > scheme.utf8.count,
        !url.dropFirst(scheme.count).contains(where: { "/?#@ ".contains($0) })
      else { return nil }
      overrides[region] = url
    }
    self.overrides = overrides
  }

  /// Scheme, host and, in a test, the product as path; nil when the region is not served.
  func base(_ product: Product, _ region: Region) -> String? {
    guard overrides.isEmpty else { return overrides[region].map { "\($0)/\(product.rawValue)" } }
    return switch (product, region) {
    case (.api, .us1): "https://api.twilio.com"
    case (.api, .ie1): "https://api.dublin.ie1.twilio.com"
    case (.api, .au1): "https://api.sydney.au1.twilio.com"
    case (.routes, .us1): "https://routes.twilio.com"
    case (.routes, .ie1): "https://routes.dublin.ie1.twilio.com"
    case (.routes, .au1): "https://routes.sydney.au1.twilio.com"
    case (.trunking, .us1): "https://trunking.twilio.com"
    case (.trunking, .ie1): "https://trunking.dublin.ie1.twilio.com"
    case (.trunking, .au1): "https://trunking.sydney.au1.twilio.com"
    case (.voice, .us1): "https://voice.twilio.com"
    case (.voice, .ie1): "https://voice.dublin.ie1.twilio.com"
    case (.voice, .au1): "https://voice.sydney.au1.twilio.com"
    }
  }
}
