/// The upper bounds of a histogram's buckets, in a whole unit that is fine enough to be exact:
/// nanoseconds or bytes. A value that equals a bound belongs below it; one bucket more takes what
/// is above the last bound.
package struct HistogramBounds: Hashable, Sendable {
  package let values: [UInt64]
  /// How many of the whole unit make one of the metric's unit: 1,000,000,000 for seconds.
  package let scale: Double
  /// For each width in bits the first bucket that a value of that width may belong to.
  @usableFromInline let firstBucket: [UInt8]

  /// `values` ascend; there are 1 to 254 of them.
  package init(_ values: [UInt64], scale: Double = 1) {
    precondition((1...254).contains(values.count), "a histogram has 1 to 254 bounds")
    precondition(
      zip(values, values.dropFirst()).allSatisfy { $0 < $1 }, "a histogram's bounds ascend")
    self.values = values
    self.scale = scale
    firstBucket = (0...64).map { width in
      let least: UInt64 = width == 0 ? 0 : 1 << UInt64(width - 1)
      return UInt8(values.firstIndex { least <= $0 } ?? values.count)
    }
  }

  /// Bounds in seconds, kept as nanoseconds.
  package static func seconds(_ bounds: [Double]) -> HistogramBounds {
    HistogramBounds(bounds.map { UInt64(($0 * 1e9).rounded()) }, scale: 1e9)
  }

  /// How many buckets there are.
  package var bucketCount: Int { values.count + 1 }

  /// The bucket of `value`: two or three steps, whatever the value.
  @inlinable
  package func bucket(of value: UInt64) -> Int {
    var bucket = Int(firstBucket[64 - value.leadingZeroBitCount])
    while bucket < values.count, value > values[bucket] { bucket += 1 }
    return bucket
  }
}
