/// How many frames of a kind a peer may send that cost us something and bring us nothing.
///
/// Each kind has a token bucket: the burst is what a connection may send at once, the rate is how
/// fast it comes back. Both are far above what clients do, since behind a proxy one connection
/// carries the calls of many; a peer that goes beyond is told so (GOAWAY ENHANCE_YOUR_CALM) and cut
/// off. A burst is larger than the frames in one read (64 KiB of empty frames are 7,281) where
/// clients of good will come near it.
package struct FloodLimits: Sendable, Equatable {
  /// PING frames beyond one for each HEADERS or DATA frame that we sent: clients that measure
  /// bandwidth ping once per DATA frame at most (CVE-2019-9512).
  package var pingBurst = 1_000
  /// PING frames per second beyond those.
  package var pingsPerSecond = 100
  /// SETTINGS frames: each one is answered, and a changed INITIAL_WINDOW_SIZE walks every stream
  /// (CVE-2019-9515).
  package var settingsBurst = 100
  /// SETTINGS frames per second.
  package var settingsPerSecond = 10
  /// PRIORITY and PRIORITY_UPDATE frames beyond ten for each stream; we ignore what they say
  /// (CVE-2019-9513).
  package var priorityBurst = 250
  /// PRIORITY frames per second beyond those.
  package var prioritiesPerSecond = 10
  /// WINDOW_UPDATE frames beyond two for each stream and twenty for each DATA frame that we sent;
  /// the ratio is Envoy's.
  package var windowUpdateBurst = 250
  /// WINDOW_UPDATE frames per second beyond those.
  package var windowUpdatesPerSecond = 10
  /// DATA, HEADERS and CONTINUATION frames that carry nothing and end nothing (CVE-2019-9518).
  package var emptyFrameBurst = 100
  /// Empty frames per second.
  package var emptyFramesPerSecond = 10
  /// Frames of unknown types, and GOAWAY frames.
  package var unknownFrameBurst = 100
  /// Unknown frames per second.
  package var unknownFramesPerSecond = 10
  /// RST_STREAM frames that come (CVE-2023-44487, CVE-2019-9514). Calls are cancelled by the
  /// thousand when a deadline strikes behind a proxy; nghttp2's own 1,000 and 33 per second are
  /// known to break such connections. What a cancelled call costs is bounded by its handler.
  package var resetBurst = 10_000
  /// RST_STREAM frames per second.
  package var resetsPerSecond = 1_000
  /// Streams that we reset since what came on them was wrong (CVE-2025-8671). Our own NO_ERROR and
  /// CANCEL after an answer or a deadline don't count, nor do refused streams.
  package var inducedResetBurst = 200
  /// Induced resets per second.
  package var inducedResetsPerSecond = 20
  /// HEADERS frames that open no stream: refused ones, since the client has not heard our
  /// SETTINGS, and those on streams that are over.
  package var idleHeadersBurst = 10_000
  /// HEADERS frames per second that open no stream.
  package var idleHeadersPerSecond = 1_000
  /// Header blocks over ``HTTP2Configuration/headerBytesMax`` or
  /// ``HTTP2Configuration/headerFieldsMax``: none is kept, and each is answered that does not go
  /// on far beyond (``FloodGuard/endlessBlockFactor``).
  package var largeBlockBurst = 100
  /// Such header blocks per second.
  package var largeBlocksPerSecond = 10
  /// Header blocks that are ``FloodGuard/hugeBlockFactor`` times larger than the bounds: HPACK
  /// bombs. The second one ends the connection (CVE-2016-6581, CVE-2026-49975).
  package var hugeBlocksMax = 1

  package init() {}
}
