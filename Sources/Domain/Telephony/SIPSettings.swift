/// How SIP messages travel to a trunk.
package enum SIPTransport: String, Sendable, Hashable, Codable, CaseIterable {
  /// What the address's DNS records say (RFC 3263, section 4.1).
  case automatic
  case udp
  case tcp
  case tls
}

/// Whether the audio of a call is encrypted (SRTP, RFC 3711).
package enum MediaEncryption: String, Sendable, Hashable, Codable, CaseIterable {
  case disabled
  /// Where the other side can.
  case allowed
  /// A call without is refused.
  case required
}
