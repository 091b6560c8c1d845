package import Telephony

/// Asks our own webhook listener through the public URL of a region, as a port.
///
/// Asks the configured URLs and no others. Callable from any executor; cancellation ends the wait.
package protocol PublicURLProbe: Sendable {
  /// The public URL as it is configured; nil when the region has none.
  func url(of region: Region) -> String?

  /// Sends a challenge that only a dispatch with our keyring can answer, once, and waits a few
  /// seconds at most. The region must have a URL.
  func ask(_ region: Region) async -> PublicURLAnswer
}

/// What came back through a public URL.
package enum PublicURLAnswer: Sendable, Hashable {
  /// A dispatch of ours, which knows the region by the same URL.
  case ours
  /// A dispatch of ours whose URL for the region is another one, or none.
  case oursUnderOtherURL
  /// A Trunkline, but with another keyring.
  case otherKeyring
  /// Whatever else is there; nil: it does not speak HTTP.
  case otherServer(status: Int?)
  /// The host's name has no address.
  case unresolvable
  /// No connection, or one that broke.
  case unreachable
  case timedOut
  /// A handshake that failed, or a certificate that was not accepted.
  case tlsFailed
  /// It was not asked: the request could not be made here. The text names no secret.
  case notAsked(String)
}
