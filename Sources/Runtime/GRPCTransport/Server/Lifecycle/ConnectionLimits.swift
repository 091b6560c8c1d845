/// How long a server's connection may take for what, and when it is asked to go.
///
/// The defaults are grpc-go's where it has them. `nil` is without end.
package struct ConnectionLimits: Sendable, Hashable {
  /// From the accept to the end of the TLS handshake.
  package var handshakeMax = Duration.seconds(10)
  /// From then until the client's preface and SETTINGS have come (RFC 9113, section 3.4).
  package var prefaceMax = Duration.seconds(10)
  /// From then until the client has acknowledged our SETTINGS: before that it is not bound by them
  /// (RFC 9113, section 6.5.3).
  package var settingsAckMax = Duration.seconds(10)
  /// From the begin of a header block to its end: while it comes, nothing else may.
  package var headerBlockMax = Duration.seconds(10)
  /// How long a request that was begun may stand still; the time between messages does not count.
  package var requestStallMax = Duration.seconds(60)
  /// How many bytes a second a request message that was begun must bring, counted over each
  /// ``requestStallMax``; 0 is any. Kestrel's number. A byte a minute never stands still, and
  /// would hold a message's memory for ever.
  package var requestRateMin = 240
  /// How long a response may stand still because the client gives its stream no window.
  package var responseStallMax = Duration.seconds(300)
  /// How long the socket may take none of what waits for it. Also TCP_USER_TIMEOUT: how long sent
  /// bytes may stay without an acknowledgement of TCP.
  package var writeStallMax = Duration.seconds(60)
  /// How long a connection may be without a call before it is asked to go. grpc-go waits for ever:
  /// then the forgotten connections of 16 addresses fill ``ServerConfiguration/connectionsMax``.
  /// A client that is asked connects again with its next call, and loses nothing.
  package var idleMax: Duration? = .seconds(15 * 60)
  /// How old it may become before it is asked to go, plus or minus a tenth, so that connections
  /// that came together don't go together. A client's connections spread over new replicas, new
  /// certificates and new addresses within this time, and no sooner than they must.
  package var ageMax: Duration? = .seconds(30 * 60)
  /// How long its calls may go on then; they end with UNAVAILABLE, and may be made again on a new
  /// connection. Longer than a unary call waits, which is not to be cut in the middle: grpc-go's
  /// examples say 5 s, which would cut those that wait for a carrier. Streams have no such end.
  package var ageGrace: Duration? = .seconds(5 * 60)
  /// After so long without a byte from the client the server pings it (gRFC A9).
  package var keepaliveTime: Duration? = .seconds(7200)
  /// How long the answer may take.
  package var keepaliveTimeout = Duration.seconds(20)
  /// A client that pings more often, and is sent nothing meanwhile, is struck (gRFC A8).
  package var pingIntervalMin = Duration.seconds(300)
  /// Whether ``pingIntervalMin`` holds without open calls too. Otherwise 2 hours do.
  package var permitsPingsWithoutCalls = false
  /// After the first GOAWAY the second one follows when the client has answered a ping, or after
  /// this time. It also bounds a TLS handshake that goes on when the server is asked to stop.
  package var goAwayWait = Duration.seconds(5)
  /// After everything was said: how long the client may take to close its side. Closing ours
  /// before it has read all could take the rest from it (RFC 1122, section 4.2.2.13).
  package var lingerMax = Duration.seconds(1)

  package init() {}

  package static let defaults = ConnectionLimits()

  /// How often progress is looked at while something is under way: an end comes at most a quarter
  /// late.
  var samplePeriod: Duration {
    let shortest = min(requestStallMax, responseStallMax, writeStallMax)
    return max(shortest / 4, .milliseconds(5))
  }
}
