/// A stream of a session without a count of the reference: the session's ``StreamList`` keeps it
/// alive until the last event about it was told.
@safe struct StreamReference {
  private let reference: Unmanaged<HTTP2Stream>

  init(_ stream: HTTP2Stream) { unsafe reference = Unmanaged.passUnretained(stream) }

  /// For what nghttp2 keeps as a stream's user data.
  init(_ pointer: UnsafeMutableRawPointer) {
    unsafe reference = Unmanaged<HTTP2Stream>.fromOpaque(pointer)
  }

  /// Lends the stream to `body`.
  @inline(__always)
  func with<Result>(_ body: (HTTP2Stream) -> Result) -> Result {
    unsafe reference._withUnsafeGuaranteedRef { body($0) }
  }

  var stream: HTTP2Stream { unsafe reference.takeUnretainedValue() }

  var id: Int32 { with { $0.id } }

  static func == (left: StreamReference, right: StreamReference) -> Bool {
    unsafe left.reference.toOpaque() == right.reference.toOpaque()
  }
}

/// The open streams of a session, and those that have ended and may still be named by an event.
///
/// It holds one reference to each; a stream is opened and closed on the path of every call.
@safe struct StreamList: ~Copyable {
  private var first: Unmanaged<HTTP2Stream>?
  private var ended: Unmanaged<HTTP2Stream>?
  /// How many streams are open.
  private(set) var count = 0

  deinit {
    unsafe Self.release(first)
    unsafe Self.release(ended)
  }

  /// Takes a stream that is in no list.
  mutating func insert(_ stream: HTTP2Stream) {
    precondition(!stream.isListed, "stream \(stream.id) is listed already")
    let fresh = unsafe Unmanaged.passRetained(stream)
    stream.isListed = true
    unsafe stream.next = unsafe first
    unsafe stream.previous = nil
    unsafe first?._withUnsafeGuaranteedRef { unsafe $0.previous = unsafe fresh }
    unsafe first = unsafe fresh
    count += 1
  }

  /// Takes a stream from the open ones; it stays alive until ``forgetEnded()``. One that is not
  /// open is no mistake.
  mutating func end(_ stream: HTTP2Stream) {
    guard stream.isListed else { return }
    stream.isListed = false
    let next = unsafe stream.next
    let previous = unsafe stream.previous
    unsafe next?._withUnsafeGuaranteedRef { unsafe $0.previous = unsafe previous }
    if let previous = unsafe previous {
      unsafe previous._withUnsafeGuaranteedRef { unsafe $0.next = unsafe next }
    } else {
      unsafe first = unsafe next
    }
    unsafe stream.previous = nil
    unsafe stream.next = unsafe ended
    unsafe ended = unsafe Unmanaged.passUnretained(stream)
    count -= 1
  }

  /// No event names a stream any more that has ended.
  mutating func forgetEnded() {
    guard let streams = unsafe ended else { return }
    unsafe ended = nil
    unsafe Self.release(streams)
  }

  /// The open streams, the last one first.
  borrowing func open() -> [HTTP2Stream] {
    var streams: [HTTP2Stream] = []
    streams.reserveCapacity(count)
    var next = unsafe first
    while let reference = unsafe next {
      let stream = unsafe reference.takeUnretainedValue()
      streams.append(stream)
      unsafe next = unsafe stream.next
    }
    return streams
  }

  private static func release(_ list: Unmanaged<HTTP2Stream>?) {
    var next = unsafe list
    while let reference = unsafe next {
      unsafe next = unsafe reference._withUnsafeGuaranteedRef { unsafe $0.next }
      unsafe reference.release()
    }
  }
}
