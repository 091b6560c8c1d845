package import GRPC
package import HTTP2
package import TLS

/// Bounds of a channel, and how it connects.
package struct ClientConfiguration: Sendable {
  package var http2 = HTTP2Configuration.defaults
  /// How the channel speaks TLS; in plaintext without it. The server's certificate must be for the
  /// host of ``authority``, unless the context names another.
  package var tls: TLSContext?
  /// How a channel with several addresses chooses.
  package var loadBalancing = LoadBalancing.pickFirst(shuffles: false)
  /// What calls do when their own options don't say otherwise: timeouts, waiting, retries.
  package var serviceConfig = ServiceConfig()
  /// What requests name as ":authority"; `nil` is the target's own.
  package var authority: String?
  /// How long a connection may take to come about, up to the server's first SETTINGS; longer
  /// only when the back-off is (grpc/doc/connection-backoff.md).
  package var connectTimeout = Duration.seconds(20)
  /// How long a failed connection, or a failed lookup of a name, is left alone.
  package var backOff = BackOffConfiguration()
  /// A name is looked up again no sooner than so long after the last time.
  package var resolutionIntervalMin = Duration.seconds(30)
  /// A channel without calls for so long, and at most twice as long, ends its connections; `nil` is
  /// never.
  package var idleTimeout: Duration? = .seconds(1800)
  /// Pings that find dead connections; `nil` is none.
  package var keepalive: KeepaliveConfiguration?
  /// How many connections to one address there may be. Another one is made when calls wait because
  /// the server takes no more streams on those that are there (gRFC A105).
  package var connectionsPerAddressMax = 1
  /// How many calls may be open or wait, for a connection or for the server's stream limit. One
  /// more is RESOURCE_EXHAUSTED.
  package var callsMax = 1000
  /// How many bytes of responses may wait for the caller before their stream's window closes.
  package var responseBufferMax = 64 << 10
  /// How many bytes of requests may wait for the server before a write suspends.
  package var requestBufferMax = 64 << 10
  /// How many bytes of a call's requests are kept until its answer begins, so that they can be
  /// sent again. A call with more is not retried.
  package var replayBufferMax = 256 << 10
  /// Below so many bytes a request is not compressed, unless its writer asks for it.
  package var compressedSizeMin = 1 << 10
  /// How much work goes into a compressed request: 1, the fastest, to 9, the smallest.
  package var compressionLevel: Int32 = 6
  /// The most bytes that each byte of a compressed response may become, beyond the first MiB.
  package var inflationRatioMax = 250
  /// How many bytes a connection gathers for one write.
  package var writeSizeMax = 64 << 10

  package init() {}

  package static let defaults = ClientConfiguration()
}
