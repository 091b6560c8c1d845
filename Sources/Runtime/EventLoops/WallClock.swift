internal import CUV

/// The machine's wall clock.
package enum WallClock {
  /// Microseconds since 1970-01-01T00:00:00Z. May step backwards when the clock is set.
  package static func microseconds() -> Int64 {
    var time = uv_timeval64_t()
    let code = unsafe uv_gettimeofday(&time)
    precondition(code == 0, "uv_gettimeofday: \(code)")
    return time.tv_sec * 1_000_000 + Int64(time.tv_usec)
  }
}
