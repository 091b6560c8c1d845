/// What nghttp2's callbacks noted, until the session tells its owner: plain values, for which no
/// references are counted.
enum HTTP2Event {
  case headers(StreamReference, HeaderStorage.Range, endsStream: Bool)
  /// `count` bytes at `offset` of what is being received.
  case data(StreamReference, offset: Int, count: Int, endsStream: Bool)
  /// The end came in a frame without payload.
  case end(StreamReference)
  case room(StreamReference)
  case closed(StreamReference, UInt32)
  case settings
  case settingsAcknowledged
  case ping
  case pingAcknowledged
  /// The first of ``HTTP2Session/goAways``.
  case goAway
}

/// A GOAWAY that came.
struct ReceivedGoAway {
  let lastStreamID: Int32
  let code: UInt32
  let debugData: [UInt8]
}
