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
  /// How many bytes a connection gathers for one write.
  package var writeSizeMax = 64 << 10
  /// After the first GOAWAY the second one follows when the client has answered a ping, or after
  /// this time.
  package var goAwayWait = Duration.seconds(1)

  package init() {}

  package static let defaults = ServerConfiguration()
}
