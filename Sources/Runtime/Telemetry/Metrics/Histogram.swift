/// Counts values by their size. It belongs to one executor, as part of a loop's shard: recording
/// takes no lock and, after the first value, no memory.
package struct Histogram: Sendable {
  @usableFromInline package let bounds: HistogramBounds
  /// By bucket, not added up.
  @usableFromInline package private(set) var counts: [UInt64]
  /// In the bounds' whole unit. Wraps around after 584 years of nanoseconds.
  @usableFromInline package private(set) var sum: UInt64 = 0

  package init(_ bounds: HistogramBounds) {
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.bucketCount)
  }

  /// Counts `value`, in the bounds' whole unit.
  @usableFromInline
  package mutating func record(_ value: UInt64) {
    counts[bounds.bucket(of: value)] &+= 1
    sum &+= value
  }

  /// Adds what a shard with the same bounds has counted.
  package mutating func merge(_ other: Histogram) {
    precondition(bounds == other.bounds, "histograms with different bounds can't be merged")
    for index in counts.indices { counts[index] &+= other.counts[index] }
    sum &+= other.sum
  }

  package var count: UInt64 { counts.reduce(0, &+) }

  /// The same values under fewer bounds, each of which must be one of the histogram's own: so one
  /// record serves two metrics with different buckets.
  package func coarsened(to fewer: HistogramBounds) -> Histogram {
    var result = Histogram(fewer)
    for (index, count) in counts.enumerated() {
      let bucket = index < bounds.values.count ? fewer.bucket(of: bounds.values[index]) : nil
      result.counts[bucket ?? fewer.values.count] &+= count
    }
    result.sum = sum
    return result
  }
}
