internal import Buffers

/// Follows the frames in what is received, beside nghttp2: it tells each frame's header, so that
/// floods are counted before they are handled, and whether a header block is still coming.
///
/// nghttp2's callbacks can't do that: frames that it ignores are never reported. A pure core; it
/// checks nothing, since bytes that are not HTTP/2 end the session in nghttp2.
struct FrameScanner {
  /// The header of a frame (RFC 9113, section 4.1).
  struct Frame: Equatable {
    static let headerSize = 9
    var length: Int
    var type: UInt8
    var flags: UInt8

    /// Flags of RFC 9113, section 6. A frame that acknowledges shares its bit with the end of a
    /// stream.
    var isAcknowledgement: Bool { flags & 0x1 != 0 }
    var endsStream: Bool { flags & 0x1 != 0 }
    var endsHeaders: Bool { flags & 0x4 != 0 }
    /// DATA, HEADERS or CONTINUATION that carries nothing and ends nothing.
    var isEmpty: Bool {
      guard length == 0 else { return false }
      switch type {
      case FrameType.data: return !endsStream
      case FrameType.headers: return true
      case FrameType.continuation: return true
      default: return false
      }
    }
  }

  /// Frame types by number (RFC 9113, section 6).
  enum FrameType {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let resetStream: UInt8 = 3
    static let settings: UInt8 = 4
    static let pushPromise: UInt8 = 5
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
    /// PRIORITY_UPDATE (RFC 9218, section 7.1).
    static let priorityUpdate: UInt8 = 16
  }

  /// How many bytes of the client's preface are still to come.
  private var prefaceRest: Int
  /// How many bytes of the frame's payload are still to come.
  private var payloadRest = 0
  /// The bytes of a frame header that came in pieces, and how many there are.
  private var partial: UInt64 = 0
  private var partialCount = 0
  private var currentType: UInt8 = 0
  /// Whether the header block goes on in the next frame.
  private var isBlockContinued = false

  /// How many header blocks have begun.
  private(set) var headerBlockCount: UInt64 = 0

  /// `expectsPreface`: of a server's session.
  init(expectsPreface: Bool) { prefaceRest = expectsPreface ? 24 : 0 }

  /// Whether a header block has begun and not all of it has come.
  var isReadingHeaderBlock: Bool {
    if isBlockContinued { return true }
    guard payloadRest > 0 else { return false }
    return currentType == FrameType.headers || currentType == FrameType.continuation
  }

  /// Whether the client's preface has come.
  var hasPreface: Bool { prefaceRest == 0 }

  /// The next frame whose header is complete in `bytes`, from `offset` on, which moves behind it.
  @inline(__always)
  mutating func next(in bytes: RawSpan, at offset: inout Int) -> Frame? {
    if prefaceRest > 0 { skip(&prefaceRest, bytes.byteCount, &offset) }
    if payloadRest > 0 { skip(&payloadRest, bytes.byteCount, &offset) }
    guard offset < bytes.byteCount else { return nil }
    if partialCount == 0, bytes.byteCount - offset >= Frame.headerSize {
      let start = unsafe bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: offset, as: UInt64.self
      ).bigEndian
      offset += Frame.headerSize
      return began(start)
    }
    return nextInPieces(bytes, &offset)
  }

  private func skip(_ rest: inout Int, _ count: Int, _ offset: inout Int) {
    let step = min(rest, count - offset)
    rest -= step
    offset += step
  }

  /// A frame header that is not in one piece. Its ninth byte is not needed.
  private mutating func nextInPieces(_ bytes: RawSpan, _ offset: inout Int) -> Frame? {
    while offset < bytes.byteCount {
      if partialCount < 8 { partial = partial << 8 | UInt64(bytes.byte(at: offset)) }
      partialCount += 1
      offset += 1
      if partialCount == Frame.headerSize {
        partialCount = 0
        return began(partial)
      }
    }
    return nil
  }

  /// `start`: the first 8 bytes of the frame's header: length (3), type, flags, stream id.
  private mutating func began(_ start: UInt64) -> Frame {
    let frame = Frame(
      length: Int(start >> 40), type: UInt8(truncatingIfNeeded: start >> 32),
      flags: UInt8(truncatingIfNeeded: start >> 24))
    payloadRest = frame.length
    currentType = frame.type
    switch frame.type {
    case FrameType.headers:
      headerBlockCount += 1
      isBlockContinued = !frame.endsHeaders
    case FrameType.continuation:
      if frame.endsHeaders { isBlockContinued = false }
    default:
      isBlockContinued = false
    }
    return frame
  }
}
