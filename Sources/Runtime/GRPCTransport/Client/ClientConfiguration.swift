package import HTTP2

/// Bounds of a channel.
package struct ClientConfiguration: Sendable {
  package var http2 = HTTP2Configuration.defaults
  /// How long a connection may take to come about.
  package var connectTimeout = Duration.seconds(20)
  /// How many calls may be open or wait, for a connection or for the server's stream limit. One
  /// more is RESOURCE_EXHAUSTED.
  package var callsMax = 1000
  /// How many bytes of responses may wait for the caller before their stream's window closes.
  package var responseBufferMax = 64 << 10
  /// How many bytes of requests may wait for the server before a write suspends.
  package var requestBufferMax = 64 << 10
  /// How many bytes a connection gathers for one write.
  package var writeSizeMax = 64 << 10

  package init() {}

  package static let defaults = ClientConfiguration()
}
