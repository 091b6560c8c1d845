/// How one text of a command line becomes a value, and how help shows it.
package struct ArgumentType<Value: Sendable>: Sendable {
  /// Stands for the value in help: `ADDRESS`, `table|json`.
  package let placeholder: String
  package let parse: @Sendable (String) throws(ArgumentProblem) -> Value

  package init(
    _ placeholder: String, parse: @escaping @Sendable (String) throws(ArgumentProblem) -> Value
  ) {
    self.placeholder = placeholder
    self.parse = parse
  }
}

extension ArgumentType where Value == String {
  /// Any text that is not empty.
  package static func text(_ placeholder: String) -> ArgumentType {
    ArgumentType(placeholder) { (text) throws(ArgumentProblem) in
      guard !text.isEmpty else { throw ArgumentProblem("The value is empty.") }
      return text
    }
  }

  /// Any text, the empty one too.
  package static func anyText(_ placeholder: String) -> ArgumentType {
    ArgumentType(placeholder) { (text) throws(ArgumentProblem) in text }
  }
}

extension ArgumentType where Value == Int {
  /// A whole number in decimal digits.
  package static func integer(
    _ placeholder: String, in range: ClosedRange<Int>
  ) -> ArgumentType {
    ArgumentType(placeholder) { (text) throws(ArgumentProblem) in
      guard let number = Int(text), range.contains(number) else {
        throw ArgumentProblem(
          "A whole number from \(range.lowerBound) to \(range.upperBound) is expected.")
      }
      return number
    }
  }
}

extension ArgumentType where Value == Bool {
  /// `true` or `false`, also 1, 0, yes, no.
  static let truth = ArgumentType("true|false") { (text) throws(ArgumentProblem) in
    switch text.lowercased() {
    case "true", "1", "yes": return true
    case "false", "0", "no": return false
    default: throw ArgumentProblem("true or false is expected.")
    }
  }
}

extension ArgumentType where Value == Duration {
  /// A length of time with its unit: `500ms`, `30s`, `5m`, `2h`, `1d`, or several: `1m30s`.
  package static func duration(in range: ClosedRange<Duration>) -> ArgumentType {
    ArgumentType("TIME") { (text) throws(ArgumentProblem) in
      guard let duration = Duration(commandLine: text) else {
        throw ArgumentProblem("A time with a unit is expected, as in 500ms, 30s, 5m, 2h or 1m30s.")
      }
      guard range.contains(duration) else {
        throw ArgumentProblem(
          "A time from \(range.lowerBound) to \(range.upperBound) is expected.")
      }
      return duration
    }
  }
}

extension ArgumentType where Value == HostPort {
  /// Where somebody listens: `host:port`, `[::1]:port`.
  package static let address = ArgumentType("HOST:PORT") { (text) throws(ArgumentProblem) in
    guard let address = HostPort(text) else {
      throw ArgumentProblem(
        "host:port is expected, as in 127.0.0.1:50051 or [::1]:50051; a port is 0 to 65535.")
    }
    return address
  }
}

extension ArgumentType {
  /// One of a few words.
  package static func choice(_ choices: KeyValuePairs<String, Value>) -> ArgumentType {
    let pairs = choices.map { (name: $0.key, value: $0.value) }
    let names = pairs.map(\.name)
    return ArgumentType(names.joined(separator: "|")) { (text) throws(ArgumentProblem) in
      guard let pair = pairs.first(where: { $0.name == text }) else {
        let suggestion = Suggestion.nearest(to: text, in: names).map { " Did you mean \($0)?" }
        throw ArgumentProblem(
          "One of \(names.joined(separator: ", ")) is expected.\(suggestion ?? "")")
      }
      return pair.value
    }
  }
}

/// A host and a port.
package struct HostPort: Sendable, Hashable, CustomStringConvertible {
  /// A name or an address, IPv6 without its brackets.
  package let host: String
  /// 0 to 65535; a listener on 0 takes a free one.
  package let port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Parses `host:port`; an IPv6 address stands in brackets.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    var host = text[..<colon]
    let digits = text[text.index(after: colon)...]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }),
      let port = UInt16(digits)
    else { return nil }
    self.init(host: String(host), port: port)
  }

  package var description: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

extension Duration {
  /// Parses numbers with units: `1m30s`. Nil for anything else, and when it overflows.
  init?(commandLine text: String) {
    var rest = Substring(text)
    var milliseconds: Int64 = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let count = Int64(digits), let factor = Self.unitMilliseconds[String(unit)] else {
        return nil
      }
      let (product, tooLong) = count.multipliedReportingOverflow(by: factor)
      let (sum, tooMuch) = milliseconds.addingReportingOverflow(product)
      guard !tooLong, !tooMuch else { return nil }
      milliseconds = sum
    }
    self = .milliseconds(milliseconds)
  }

  private static let unitMilliseconds: [String: Int64] = [
    "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
  ]
}
