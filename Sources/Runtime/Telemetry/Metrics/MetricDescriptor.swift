/// What one metric is: its name and unit as OpenTelemetry writes them, its kind, and a sentence.
package struct MetricDescriptor: Hashable, Sendable {
  /// How values of a metric come about and are merged. All three add up over shards.
  package enum Kind: Hashable, Sendable {
    /// Only grows, from 0 at the start of the process.
    case counter
    /// A state: goes up and down.
    case gauge
    /// Counts values by size.
    case histogram
  }

  /// What values are measured in; Prometheus wants it as the end of a name.
  package enum Unit: String, Hashable, Sendable {
    /// A plain count.
    case none = ""
    case seconds
    case bytes
  }

  /// Lower-case words with dots and underscores, as in "grpc.server.call.duration".
  package let name: String
  package let kind: Kind
  package let unit: Unit
  /// One sentence for people.
  package let help: String

  package init(_ name: String, _ kind: Kind, unit: Unit = .none, _ help: String) {
    precondition(Self.isValid(name: name), "\(name.debugDescription) is no metric name")
    self.name = name
    self.kind = kind
    self.unit = unit
    self.help = help
  }

  /// The name in Prometheus's format: dots become underscores, the unit follows, and counters end
  /// in "_total" (opentelemetry.io, compatibility with Prometheus).
  package var prometheusName: String {
    var text = String(name.map { $0 == "." ? "_" : $0 })
    if unit != .none, !text.hasSuffix("_\(unit.rawValue)") { text += "_\(unit.rawValue)" }
    if kind == .counter, !text.hasSuffix("_total") { text += "_total" }
    return text
  }

  /// Words of a-z, 0-9 and underscores with dots between them; the first begins with a letter.
  package static func isValid(name: String) -> Bool {
    guard let first = name.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first)
    else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
  }
}
