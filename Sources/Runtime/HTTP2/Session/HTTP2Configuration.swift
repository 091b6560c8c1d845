/// Bounds of one session, which both sides of it have.
package struct HTTP2Configuration: Sendable, Equatable {
  /// How many streams the peer may have open (SETTINGS_MAX_CONCURRENT_STREAMS, in our first
  /// SETTINGS). nghttp2 would allow any number.
  package var concurrentStreamsMax: UInt32 = 250
  /// How many bytes the peer may send on a stream before they are consumed.
  package var streamWindow: Int32 = 256 << 10
  /// The same for all streams together. It is credited on receipt, so that a slow stream does
  /// not hold up its siblings.
  package var connectionWindow: Int32 = 1 << 20
  /// The most bytes of one header block, counted as RFC 9113, section 6.5.2, does: names, values
  /// and 32 for each field. nghttp2 announces it (SETTINGS_MAX_HEADER_LIST_SIZE); we enforce it.
  package var headerBytesMax = 16 << 10
  /// The most fields of one header block; each crumb of a cookie is one.
  package var headerFieldsMax = 128
  /// How many bytes of header blocks one read may unpack to; further blocks of it are cut off. A
  /// few bytes of HPACK stand for many.
  package var headerBytesPerReadMax = 4 << 20
  /// How many CONTINUATION frames may follow a HEADERS frame (CVE-2024-28182). Four of them and the
  /// first carry 80 KiB, five times what a block may be.
  package var continuationsMax = 4
  /// How large a table we keep for the peer's headers (SETTINGS_HEADER_TABLE_SIZE), in bytes: each
  /// byte of a block may stand for a field of this size.
  package var headerTableSize: UInt32 = 4 << 10
  /// How large a table we keep for our own headers, whatever the peer offers, in bytes.
  package var sentHeaderTableSizeMax = 4 << 10
  /// The most bytes of a header block that we send. A longer one resets its stream.
  package var sentHeaderBytesMax = 64 << 10
  /// How many settings one SETTINGS frame may have; there are seven.
  package var settingsEntriesMax = 32
  /// How many answers to PING and SETTINGS may wait for the peer to read. More end the session:
  /// such a peer reads nothing. One read may bring ``FloodLimits/pingBurst`` at once.
  package var unreadAcknowledgementsMax = 1_000
  /// How many frames of any kind may wait for the peer to read when a read has been handled. The
  /// number is that of nghttp2's later versions.
  package var unreadFramesMax = 5_000
  /// Below so many buffered bytes a stream has room again.
  package var streamBufferLow = 32 << 10
  /// What a peer may send too much of.
  package var floods = FloodLimits()

  package init() {}

  package static let defaults = HTTP2Configuration()
}
