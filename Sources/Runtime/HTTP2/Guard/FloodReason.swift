/// What a peer sent too much of. The raw value is what we say in GOAWAY, and what metrics count.
package enum FloodReason: String, Error, Sendable, CaseIterable {
  /// As gRPC names it (gRFC A8), so that clients ping less on their next connection.
  case pings = "too_many_pings"
  case settings = "too_many_settings"
  case priorities = "too_many_priority_frames"
  case windowUpdates = "too_many_window_updates"
  case emptyFrames = "too_many_empty_frames"
  case unknownFrames = "too_many_unknown_frames"
  case resets = "too_many_resets"
  case inducedResets = "too_many_stream_errors"
  case idleHeaders = "too_many_headers_without_stream"
  case largeHeaderBlocks = "too_many_large_header_blocks"
  case hugeHeaderBlocks = "header_blocks_too_large"
  case continuations = "too_many_continuations"
  /// The peer makes us queue more frames than it reads.
  case unreadFrames = "too_many_unread_answers"
}
