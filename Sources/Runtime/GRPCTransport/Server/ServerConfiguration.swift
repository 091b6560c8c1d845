internal import Compression
internal import GRPC
package import HTTP2

/// Bounds of a server.
package struct ServerConfiguration: Sendable {
  /// Of each connection.
  package var http2 = HTTP2Configuration.defaults
  /// The most bytes of a request; a longer one is RESOURCE_EXHAUSTED.
  package var requestSizeMax = messageSizeMaxDefault
  /// The most bytes of a response; a longer one is RESOURCE_EXHAUSTED.
  package var responseSizeMax = messageSizeMaxDefault
  /// How many bytes of requests may wait for a handler before their stream's window closes.
  package var requestBufferMax = 64 << 10
  /// How many bytes of responses may wait for the client before a handler's write suspends.
  package var responseBufferMax = 64 << 10
  /// How many bytes of requests a connection may hold, on all its streams, that are not whole yet
  /// or wait for their handlers; the call that goes beyond is RESOURCE_EXHAUSTED.
  package var connectionRequestBytesMax = 64 << 20
  /// How many bytes of responses may wait for a client on a connection, on all its streams; the
  /// call that finds so many is RESOURCE_EXHAUSTED.
  package var connectionResponseBytesMax = 64 << 20
  /// How many bytes of unfinished requests and unsent responses the server may hold, of all
  /// connections: see ``MemoryBudget``. `nil` is a quarter of the memory that the process's cgroup
  /// allows, at most ``MemoryBudget/automaticMax``.
  package var bufferedBytesMax: Int?
  /// How many bytes a connection gathers for one write.
  package var writeSizeMax = 64 << 10
  /// How long a connection may take for what, and when it is asked to go.
  package var connection = ConnectionLimits.defaults
  /// The most connections of all clients; one more is closed at once. The process's descriptors
  /// (ulimit -n) may allow fewer.
  package var connectionsMax = 16_384
  /// The most connections of one client: of an IPv4 address, or of the first 64 bits of an IPv6
  /// address. Unix sockets count only towards ``connectionsMax``.
  package var connectionsPerAddressMax = 1024
  /// The most handlers that run at once, of all clients; one more call is UNAVAILABLE. Each
  /// connection has as many as streams. Every loop has an equal share.
  package var handlersMax = 32_768
  /// How long listeners go on at a shutdown after they have refused new connections, so that
  /// those that have begun are served: a round trip's time.
  package var listenerDrain = Duration.milliseconds(50)
  /// How long handlers that were cancelled at the end of a shutdown may take to end. Then they are
  /// given up.
  package var handlerEndWait = Duration.seconds(5)

  /// Which response messages are compressed, where the handler does not say.
  package var responseCompression = ResponseCompression.mirrored
  /// Below so many bytes a response message is not compressed, unless its handler asks for it.
  package var compressedSizeMin = 1 << 10
  /// From 1, the fastest, to 9, the smallest. A loop waits while a message is compressed.
  package var compressionLevel = Deflater.levelDefault
  /// The most bytes that each byte of a compressed request may become, beyond the first MiB.
  package var inflationRatioMax = InflationLimits.ratioMaxDefault
  /// The origins whose pages a browser lets call this server, as in "https://example.com"; "*" is
  /// every origin. Without any, the server answers as if CORS did not exist.
  package var corsOrigins: [String] = []

  package init() {}

  package static let defaults = ServerConfiguration()
}

/// Which response messages a server compresses. It never uses an encoding that the client does not
/// list.
package enum ResponseCompression: String, Hashable, Sendable, CaseIterable {
  /// None, whatever handlers ask for: where secrets and what an attacker sends share messages, the
  /// size of a compressed one tells of the secret (CRIME, BREACH).
  case never
  /// Those whose handlers ask for it.
  case asked
  /// Those of calls whose requests have an encoding.
  case mirrored
  /// All.
  case always
}
