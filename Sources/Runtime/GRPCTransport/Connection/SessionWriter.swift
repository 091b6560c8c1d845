internal import Buffers
internal import EventLoops
internal import HTTP2

/// Writes what the sessions of one loop have to say, in one buffer that all of them share. Use it
/// on that loop only.
final class SessionWriter {
  /// Where a session's output stands after a write.
  enum Outcome: Hashable, Sendable {
    /// All that the session had to say is out.
    case silent
    /// The session may have more to say: the owner writes again, in a later tick.
    case unfinished
    /// Some waits in the stream: the owner comes back at ``ByteStreamDelegate/streamDrained()``.
    case waiting
    /// The stream is broken or closed: ``ByteStreamDelegate/streamEnded(_:)`` follows.
    case lost
  }

  /// More memory than that is given back after a large write.
  private static let keptMax = 256 << 10

  private var output = ByteWriter()

  /// Writes until `session` has no more to say or `stream` takes no more, at most `bound` bytes at
  /// a time and at most `times`.
  ///
  /// `wrote` is called after each piece went to the stream, and before the session is asked for
  /// the next: it may give it more to say.
  func write(
    from session: HTTP2Session, to stream: ByteStream, upTo bound: Int, times: Int = .max,
    wrote: () -> Void = {}
  ) throws(HTTP2Error) -> Outcome {
    var count = 0
    while stream.pendingByteCount == 0 {
      guard count < times else { return .unfinished }
      count += 1
      output.removeAll(keeping: Self.keptMax)
      try session.send(into: &output, upTo: bound)
      guard !output.isEmpty else { return .silent }
      let result = stream.write(output)
      wrote()
      if result == .lost { return .lost }
    }
    return .waiting
  }
}
