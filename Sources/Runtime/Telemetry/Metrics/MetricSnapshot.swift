/// What all metrics are at one moment. Snapshots of shards are merged by adding up.
package struct MetricSnapshot: Sendable {
  /// One name of a label with its value, as in `grpc.method` and "grpc.health.v1.Health/Check".
  /// A label with an empty value counts as missing (Prometheus's data model).
  package struct Label: Hashable, Sendable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package enum Value: Sendable {
    case counter(Double)
    case gauge(Double)
    case histogram(Histogram)
  }

  package struct Sample: Sendable {
    package let labels: [Label]
    package fileprivate(set) var value: Value
  }

  /// A metric with all its samples.
  package struct Family: Sendable {
    package let descriptor: MetricDescriptor
    package fileprivate(set) var samples: [Sample] = []
    /// Where the sample with some labels is.
    fileprivate var indices: [[Label]: Int] = [:]
  }

  /// The most samples of one metric; more are dropped, so that no mistake in a label fills memory.
  package static let samplesMax = 10_000

  /// In the order in which they were added first.
  package private(set) var families: [Family] = []
  private var indices: [String: Int] = [:]

  package init() {}

  /// Adds a metric without a sample, so that it is shown before its first value.
  package mutating func add(_ descriptor: MetricDescriptor) { _ = index(of: descriptor) }

  /// Adds a sample. One with the same name and labels is added up with it.
  package mutating func add(
    _ descriptor: MetricDescriptor, _ labels: [Label], _ value: Value
  ) {
    let family = index(of: descriptor)
    families[family].add(labels, value)
  }

  /// Adds everything of `other`.
  package mutating func merge(_ other: MetricSnapshot) {
    for family in other.families {
      add(family.descriptor)
      for sample in family.samples { add(family.descriptor, sample.labels, sample.value) }
    }
  }

  private mutating func index(of descriptor: MetricDescriptor) -> Int {
    if let index = indices[descriptor.name] {
      precondition(
        families[index].descriptor == descriptor, "two metrics are named \(descriptor.name)")
      return index
    }
    indices[descriptor.name] = families.count
    families.append(Family(descriptor: descriptor))
    return families.count - 1
  }
}

extension MetricSnapshot.Family {
  fileprivate mutating func add(_ labels: [MetricSnapshot.Label], _ value: MetricSnapshot.Value) {
    guard let index = indices[labels] else {
      guard samples.count < MetricSnapshot.samplesMax else { return }
      indices[labels] = samples.count
      samples.append(MetricSnapshot.Sample(labels: labels, value: value))
      return
    }
    switch (samples[index].value, value) {
    case (.counter(let sum), .counter(let more)): samples[index].value = .counter(sum + more)
    case (.gauge(let sum), .gauge(let more)): samples[index].value = .gauge(sum + more)
    case (.histogram(var sum), .histogram(let more)):
      sum.merge(more)
      samples[index].value = .histogram(sum)
    case (.counter, _), (.gauge, _), (.histogram, _):
      preconditionFailure("\(descriptor.name) has values of two kinds")
    }
  }
}
