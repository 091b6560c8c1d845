/// Bounds of one session, which both sides of it have.
package struct HTTP2Configuration: Sendable {
  /// How many streams the peer may have open (SETTINGS_MAX_CONCURRENT_STREAMS).
  package var concurrentStreamsMax: UInt32 = 250
  /// How many bytes the peer may send on a stream before they are consumed.
  package var streamWindow: Int32 = 256 << 10
  /// The same for all streams together. It is credited on receipt, so that a slow stream does
  /// not hold up its siblings.
  package var connectionWindow: Int32 = 1 << 20
  /// The most bytes of one header block, counted as RFC 9113, section 6.5.2, does: names, values
  /// and 32 for each field.
  package var headerBytesMax = 16 << 10
  /// The most fields of one header block.
  package var headerFieldsMax = 128
  /// Below so many buffered bytes a stream has room again.
  package var streamBufferLow = 32 << 10

  package init() {}

  package static let defaults = HTTP2Configuration()
}
