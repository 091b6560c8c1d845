internal import HTTP2

extension ServerSetting {
  private static let anyTime = Duration.milliseconds(1)...Duration.seconds(8760 * 3600)
  private static let anyCount = 1...1_000_000
  private static let anySize = 1...(1 << 30)

  /// Every setting.
  package static let all: [ServerSetting] =
    beginAndEnd + pings + stalls + admission + messages + web + http2 + floods + otherFloods

  private static let beginAndEnd: [ServerSetting] = [
    ServerSetting(
      "tls-handshake-timeout", .duration(\.connection.handshakeMax, anyTime),
      "How long a TLS handshake may take."),
    ServerSetting(
      "preface-timeout", .duration(\.connection.prefaceMax, anyTime),
      "How long the client's HTTP/2 preface and SETTINGS may take."),
    ServerSetting(
      "settings-ack-timeout", .duration(\.connection.settingsAckMax, anyTime),
      "How long the client may take to acknowledge the server's SETTINGS."),
    ServerSetting(
      "max-connection-idle", .endlessDuration(\.connection.idleMax, anyTime),
      "A connection without calls for so long is asked to go (GOAWAY max_idle)."),
    ServerSetting(
      "max-connection-age", .endlessDuration(\.connection.ageMax, anyTime),
      "A connection of this age, plus or minus a tenth, is asked to go (GOAWAY max_age)."),
    ServerSetting(
      "max-connection-age-grace", .endlessDuration(\.connection.ageGrace, anyTime),
      "How long its calls may go on then."),
    ServerSetting(
      "goaway-wait", .duration(\.connection.goAwayWait, anyTime),
      "After the notice of a GOAWAY the final one follows when the client answers, or after this."),
    ServerSetting(
      "close-linger", .duration(\.connection.lingerMax, anyTime),
      "How long the client may take to close after everything was said."),
    ServerSetting(
      "listener-drain", .duration(\.listenerDrain, anyTime),
      "How long connections that have begun are still accepted at a shutdown."),
    ServerSetting(
      "handler-end-wait", .duration(\.handlerEndWait, anyTime),
      "How long handlers that a shutdown cancelled may take to end before they are given up."),
  ]

  private static let pings: [ServerSetting] = [
    ServerSetting(
      "keepalive-time", .endlessDuration(\.connection.keepaliveTime, anyTime),
      "After so long without a byte from the client the server pings it."),
    ServerSetting(
      "keepalive-timeout", .duration(\.connection.keepaliveTimeout, anyTime),
      "How long the answer may take before the connection is closed."),
    ServerSetting(
      "ping-interval-min", .duration(\.connection.pingIntervalMin, anyTime),
      "A client that pings more often, and is sent nothing meanwhile, gets too_many_pings."),
    ServerSetting(
      "permit-pings-without-calls", .flag(\.connection.permitsPingsWithoutCalls),
      "Whether that interval holds without open calls too; otherwise 2 h do."),
  ]

  private static let stalls: [ServerSetting] = [
    ServerSetting(
      "header-block-timeout", .duration(\.connection.headerBlockMax, anyTime),
      "How long a header block may take from its begin to its end."),
    ServerSetting(
      "request-stall-timeout", .duration(\.connection.requestStallMax, anyTime),
      "How long a request may stand still in the middle of a message."),
    ServerSetting(
      "min-request-rate", .size(\.connection.requestRateMin, 0...(1 << 30)),
      "How much a second of a message that has begun must come, over each request-stall-timeout."),
    ServerSetting(
      "response-stall-timeout", .duration(\.connection.responseStallMax, anyTime),
      "How long a response may stand still because the client gives it no window."),
    ServerSetting(
      "write-stall-timeout", .duration(\.connection.writeStallMax, anyTime),
      "How long a client may read nothing at all while output waits for it."),
  ]

  private static let admission: [ServerSetting] = [
    ServerSetting(
      "max-connections", .count(\.connectionsMax, anyCount),
      "The most connections; one more is closed at once. ulimit -n may allow fewer."),
    ServerSetting(
      "max-connections-per-address", .count(\.connectionsPerAddressMax, anyCount),
      "The most connections of one IPv4 address, or of 64 bits of IPv6 addresses."),
    ServerSetting(
      "max-handlers", .count(\.handlersMax, anyCount),
      "The most calls that are handled at once; one more is UNAVAILABLE."),
    ServerSetting(
      "max-concurrent-streams", .count32(\.http2.concurrentStreamsMax, anyCount),
      "The most calls of one connection at once, and the most of its handlers."),
  ]

  private static let messages: [ServerSetting] = [
    ServerSetting(
      "max-request-size", .size(\.requestSizeMax, anySize),
      "The most bytes of a request message; a longer one is RESOURCE_EXHAUSTED."),
    ServerSetting(
      "max-response-size", .size(\.responseSizeMax, anySize),
      "The most bytes of a response message; a longer one is RESOURCE_EXHAUSTED."),
    ServerSetting(
      "request-buffer", .size(\.requestBufferMax, anySize),
      "How much of a stream's requests may wait for its handler before its window closes."),
    ServerSetting(
      "response-buffer", .size(\.responseBufferMax, anySize),
      "How much of a stream's responses may wait for the client before a write suspends."),
    ServerSetting(
      "connection-request-bytes", .size(\.connectionRequestBytesMax, anySize),
      "How much of requests that are not whole a connection may hold."),
    ServerSetting(
      "connection-response-bytes", .size(\.connectionResponseBytesMax, anySize),
      "How much of responses may wait for a client on one connection."),
    ServerSetting(
      "max-buffered-bytes", .automaticSize(\.bufferedBytesMax, (1 << 20)...(1 << 40)),
      "How much of unfinished requests and unsent responses there may be, of all connections."),
    ServerSetting(
      "write-size", .size(\.writeSizeMax, anySize),
      "How much a connection gathers for one write."),
    ServerSetting(
      "stream-buffer-low", .size(\.http2.streamBufferLow, anySize),
      "A write that waits for room goes on when less than this of the response waits."),
    ServerSetting(
      "response-compression", .compression(\.responseCompression),
      "Which responses are compressed where the handler does not say."),
    ServerSetting(
      "min-compressed-size", .size(\.compressedSizeMin, anySize),
      "A smaller response is not compressed."),
    ServerSetting(
      "compression-level", .level(\.compressionLevel, 1...9),
      "From 1, the fastest, to 9, the smallest."),
    ServerSetting(
      "max-inflation-ratio", .count(\.inflationRatioMax, anyCount),
      "How many bytes each byte of a compressed request may become, beyond a first MiB."),
  ]

  private static let web: [ServerSetting] = [
    ServerSetting(
      "cors-origins", .list(\.corsOrigins),
      "The origins whose pages may call, as https://a.example,https://b.example; * is every one.")
  ]

  private static let http2: [ServerSetting] = [
    ServerSetting(
      "stream-window", .window(\.http2.streamWindow, 1...Int(Int32.max)),
      "How much the client may send on a stream before it is taken."),
    ServerSetting(
      "connection-window", .window(\.http2.connectionWindow, (1 << 16)...Int(Int32.max)),
      "The same for all streams of a connection together."),
    ServerSetting(
      "max-header-bytes", .size(\.http2.headerBytesMax, 256...(1 << 24)),
      "The most bytes of a header block, with 32 for each field."),
    ServerSetting(
      "max-header-fields", .count(\.http2.headerFieldsMax, 8...100_000),
      "The most fields of a header block."),
    ServerSetting(
      "header-bytes-per-read", .size(\.http2.headerBytesPerReadMax, 256...(1 << 30)),
      "How much the header blocks of one read may unpack to; the rest is cut off."),
    ServerSetting(
      "max-continuations", .count(\.http2.continuationsMax, 1...1_000),
      "The most CONTINUATION frames of a header block."),
    ServerSetting(
      "header-table-size", .size32(\.http2.headerTableSize, 0...(1 << 20)),
      "How large a table is kept for the fields that a client repeats."),
    ServerSetting(
      "sent-header-table-size", .size(\.http2.sentHeaderTableSizeMax, 0...(1 << 20)),
      "How large a table is kept for the fields that the server repeats."),
    ServerSetting(
      "max-sent-header-bytes", .size(\.http2.sentHeaderBytesMax, 256...(1 << 24)),
      "The most bytes of a header block that the server sends."),
    ServerSetting(
      "max-settings-entries", .count(\.http2.settingsEntriesMax, 7...10_000),
      "The most settings in a SETTINGS frame."),
    ServerSetting(
      "max-unread-acknowledgements", .count(\.http2.unreadAcknowledgementsMax, anyCount),
      "How many answers to PING and SETTINGS may wait for the client to read."),
    ServerSetting(
      "max-unread-frames", .count(\.http2.unreadFramesMax, anyCount),
      "How many frames of any kind may wait for the client to read."),
  ]

  private static let floods: [ServerSetting] = [
    ServerSetting(
      "ping-burst", .count(\.http2.floods.pingBurst, anyCount),
      "PING frames at once, beyond one for each frame that was sent."),
    ServerSetting(
      "pings-per-second", .count(\.http2.floods.pingsPerSecond, anyCount),
      "PING frames per second after a burst."),
    ServerSetting(
      "settings-burst", .count(\.http2.floods.settingsBurst, anyCount),
      "SETTINGS frames at once."),
    ServerSetting(
      "settings-per-second", .count(\.http2.floods.settingsPerSecond, anyCount),
      "SETTINGS frames per second after a burst."),
    ServerSetting(
      "reset-burst", .count(\.http2.floods.resetBurst, anyCount),
      "RST_STREAM frames at once."),
    ServerSetting(
      "resets-per-second", .count(\.http2.floods.resetsPerSecond, anyCount),
      "RST_STREAM frames per second after a burst."),
    ServerSetting(
      "window-update-burst", .count(\.http2.floods.windowUpdateBurst, anyCount),
      "WINDOW_UPDATE frames at once, beyond those that streams and sent frames explain."),
    ServerSetting(
      "window-updates-per-second", .count(\.http2.floods.windowUpdatesPerSecond, anyCount),
      "Such WINDOW_UPDATE frames per second after a burst."),
  ]

  private static let otherFloods: [ServerSetting] = [
    ServerSetting(
      "priority-burst", .count(\.http2.floods.priorityBurst, anyCount),
      "PRIORITY frames at once, beyond ten for each call."),
    ServerSetting(
      "priorities-per-second", .count(\.http2.floods.prioritiesPerSecond, anyCount),
      "PRIORITY frames per second after a burst."),
    ServerSetting(
      "empty-frame-burst", .count(\.http2.floods.emptyFrameBurst, anyCount),
      "Frames at once that carry nothing and end nothing."),
    ServerSetting(
      "empty-frames-per-second", .count(\.http2.floods.emptyFramesPerSecond, anyCount),
      "Such frames per second after a burst."),
    ServerSetting(
      "unknown-frame-burst", .count(\.http2.floods.unknownFrameBurst, anyCount),
      "Frames of unknown types at once, and GOAWAY frames."),
    ServerSetting(
      "unknown-frames-per-second", .count(\.http2.floods.unknownFramesPerSecond, anyCount),
      "Such frames per second after a burst."),
    ServerSetting(
      "stream-error-burst", .count(\.http2.floods.inducedResetBurst, anyCount),
      "Calls at once that the server resets because what came is wrong."),
    ServerSetting(
      "stream-errors-per-second", .count(\.http2.floods.inducedResetsPerSecond, anyCount),
      "Such resets per second after a burst."),
    ServerSetting(
      "idle-headers-burst", .count(\.http2.floods.idleHeadersBurst, anyCount),
      "HEADERS frames at once that begin no call."),
    ServerSetting(
      "idle-headers-per-second", .count(\.http2.floods.idleHeadersPerSecond, anyCount),
      "Such HEADERS frames per second after a burst."),
    ServerSetting(
      "large-header-burst", .count(\.http2.floods.largeBlockBurst, anyCount),
      "Header blocks at once that are beyond max-header-bytes or max-header-fields."),
    ServerSetting(
      "large-headers-per-second", .count(\.http2.floods.largeBlocksPerSecond, anyCount),
      "Such header blocks per second after a burst."),
    ServerSetting(
      "max-huge-headers", .count(\.http2.floods.hugeBlocksMax, anyCount),
      "Header blocks of a connection that are four times beyond; one more ends it."),
  ]

  /// docs/grpc-settings.md.
  package static var page: String {
    let defaults = ServerConfiguration.defaults
    var lines = [
      "# Settings of the gRPC server", "",
      "Each bound of the gRPC server has a name. `trunklined serve --grpc-setting name=value` sets",
      "it, as `Bench serve --setting name=value` does for tests; both may be repeated. A duration",
      "is a number and `ms`, `s`, `m` or `h`; a size is a number of bytes, or one with `KiB`,",
      "`MiB` or `GiB`.", "",
      "This page is written by `Bench settings`; a test compares the two.", "",
      "| setting | default | allowed | what it bounds |", "|---|---|---|---|",
    ]
    lines += all.map {
      "| `\($0.name)` | \($0.value(in: defaults)) | \($0.allowed) | \($0.summary) |"
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
