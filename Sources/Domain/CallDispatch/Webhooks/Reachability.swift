package import Telephony

/// A question that only a webhook listener of ours can answer, asked through a public URL to find
/// out who is there.
///
/// ```
/// GET /v1/reachability/{region}/{32 hex digits}
/// ```
package struct ReachabilityChallenge: Sendable, Hashable {
  /// By whose public URL it is asked.
  package let region: Region
  /// 32 hex digits in small letters, never used twice.
  package let nonce: String

  private static let prefix = "/v1/reachability/"
  private static let nonceLength = 32

  /// nil unless the nonce has the form above.
  package init?(region: Region, nonce: String) {
    guard nonce.utf8.count == Self.nonceLength,
      nonce.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return nil }
    self.region = region
    self.nonce = nonce
  }

  /// nil when the path is no challenge.
  package init?(path: String) {
    guard path.hasPrefix(Self.prefix) else { return nil }
    let parts = path.dropFirst(Self.prefix.count).split(
      separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let region = Region(rawValue: String(parts[0])) else { return nil }
    self.init(region: region, nonce: String(parts[1]))
  }

  /// Beginning with a slash, to be appended to a public URL. Holds no secret.
  package var path: String { "\(Self.prefix)\(region)/\(nonce)" }
}

/// What a webhook listener answers to a challenge: two proofs of 64 hex digits each.
package struct ReachabilityAnswer: Sendable, Hashable {
  /// Made with the deployment's keyring.
  package let ofKeyring: String
  /// The same of the public URL that the listener has for the region.
  package let ofURL: String

  private static let heading = "trunkline-reachability"

  package init(ofKeyring: String, ofURL: String) {
    self.ofKeyring = ofKeyring
    self.ofURL = ofURL
  }

  /// As a body; nil when it is none of a webhook listener, of whatever deployment.
  package init?(body: [UInt8]) {
    // Three words of ASCII, and a line end.
    guard body.count < 200 else { return nil }
    let parts = String(decoding: body, as: UTF8.self).split { " \n".contains($0) }
    guard parts.count == 3, parts[0] == Self.heading else { return nil }
    self.init(ofKeyring: String(parts[1]), ofURL: String(parts[2]))
  }

  package var body: String { "\(Self.heading) \(ofKeyring) \(ofURL)\n" }
}
