/// The flags of an interop program, in the spelling of gRPC's own: `--name=value`, `--name value`,
/// and for a switch `--name` alone too. One dash does as well as two, `-` in a name as well as `_`.
package struct Flags: Sendable {
  /// A command line that is wrong, in words.
  package struct Mistake: Error, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
  }

  private var values: [String: [String]] = [:]

  /// Reads `arguments`, which may hold the flags `names` and the switches `switches`, both spelt
  /// with `_`.
  package init(
    _ arguments: [String], names: Set<String>, switches: Set<String>
  ) throws(Mistake) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      let text = argument.drop { $0 == "-" }
      guard argument.hasPrefix("-"), !text.isEmpty else {
        throw Mistake("\"\(argument)\" is no flag.")
      }
      let pair = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(pair[0].map { $0 == "-" ? "_" : $0 })
      if pair.count == 2 {
        guard names.contains(name) || switches.contains(name) else { throw .unknown(name) }
        values[name, default: []].append(String(pair[1]))
      } else if switches.contains(name) {
        values[name, default: []].append("true")
      } else if names.contains(name) {
        guard let value = rest.popFirst() else {
          throw Mistake("--\(name) lacks its value.")
        }
        values[name, default: []].append(value)
      } else {
        throw .unknown(name)
      }
    }
  }

  /// The flag's value; the last one counts. An empty value is none.
  package subscript(name: String) -> String? {
    guard let value = values[name]?.last, !value.isEmpty else { return nil }
    return value
  }

  /// Every value of a flag that may be repeated.
  package func all(_ name: String) -> [String] { values[name] ?? [] }

  /// Whether the switch is on.
  package func isOn(_ name: String) throws(Mistake) -> Bool {
    switch values[name]?.last?.lowercased() {
    case "true", "1": true
    case nil, "false", "0": false
    default: throw Mistake("--\(name) is true or false.")
    }
  }

  /// A whole number in `range`.
  package func integer(
    _ name: String, default standard: Int, in range: ClosedRange<Int>
  ) throws(Mistake) -> Int {
    guard let text = self[name] else { return standard }
    guard let number = Int(text), range.contains(number) else {
      throw Mistake(
        "--\(name) is \(text); it is \(range.lowerBound) to \(range.upperBound).")
    }
    return number
  }
}

extension Flags.Mistake {
  fileprivate static func unknown(_ name: String) -> Self {
    Self("There is no flag --\(name).")
  }
}
