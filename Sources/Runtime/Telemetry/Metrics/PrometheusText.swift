/// A snapshot in Prometheus's text format 0.0.4 (prometheus.io, exposition formats).
package enum PrometheusText {
  /// What the answer to a scrape is.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  package static func render(_ snapshot: MetricSnapshot) -> String {
    var text = ""
    for family in snapshot.families {
      let descriptor = family.descriptor
      let name = descriptor.prometheusName
      text += "# HELP \(name) \(escaped(help: descriptor.help))\n"
      text += "# TYPE \(name) \(word(descriptor.kind))\n"
      for sample in family.samples { append(sample, name, to: &text) }
    }
    return text
  }

  private static func append(
    _ sample: MetricSnapshot.Sample, _ name: String, to text: inout String
  ) {
    let labels = sample.labels.filter { !$0.value.isEmpty }.map { label in
      "\(String(label.name.map { $0 == "." ? "_" : $0 }))=\"\(escaped(value: label.value))\""
    }
    switch sample.value {
    case .counter(let value): text += "\(name)\(braces(labels)) \(number(value))\n"
    case .gauge(let value): text += "\(name)\(braces(labels)) \(number(value))\n"
    case .histogram(let histogram):
      let bounds = histogram.bounds
      var sum: UInt64 = 0
      for (index, count) in histogram.counts.enumerated() {
        sum &+= count
        let bound =
          index < bounds.values.count ? number(Double(bounds.values[index]) / bounds.scale) : "+Inf"
        text += "\(name)_bucket\(braces(labels + ["le=\"\(bound)\""])) \(sum)\n"
      }
      text += "\(name)_sum\(braces(labels)) \(number(Double(histogram.sum) / bounds.scale))\n"
      text += "\(name)_count\(braces(labels)) \(sum)\n"
    }
  }

  private static func word(_ kind: MetricDescriptor.Kind) -> String {
    switch kind {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }

  private static func braces(_ labels: [String]) -> String {
    labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
  }

  /// A float as Go's ParseFloat reads it; whole numbers without a fraction.
  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    let text = value.description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private static func escaped(help: String) -> String {
    escaped(help, quotes: false)
  }

  private static func escaped(value: String) -> String {
    escaped(value, quotes: true)
  }

  private static func escaped(_ string: String, quotes: Bool) -> String {
    var result = ""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
