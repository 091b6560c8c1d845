internal import CUV

/// A clock that never goes back, for measuring. Its zero means nothing.
package enum MonotonicTime {
  /// Nanoseconds, read now. Costs about as much as 20 ns of work.
  package static func nanoseconds() -> UInt64 { uv_hrtime() }
}

extension EventLoop {
  /// The same clock as ``MonotonicTime``, as it was when the loop's tick began, in steps of a
  /// millisecond: as cheap as reading a variable. Call it on the loop.
  package var tickNanoseconds: UInt64 { unsafe uv_now(handle) &* 1_000_000 }
}
