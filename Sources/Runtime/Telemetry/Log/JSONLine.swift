/// Puts a log line together.
struct JSONLine {
  private var text = "{"

  mutating func add(_ name: String, _ value: LogValue) {
    if text.utf8.count > 1 { text += "," }
    append(quoted: name)
    text += ":"
    switch value {
    case .text(let string): append(quoted: string)
    case .integer(let integer): text += String(integer)
    case .flag(let flag): text += flag ? "true" : "false"
    case .duration(let duration): text += Self.seconds(duration)
    }
  }

  /// Adds a text of the logger's own, which needs neither a mask nor an escape.
  mutating func add(plain name: String, _ value: String) {
    if text.utf8.count > 1 { text += "," }
    text += "\"\(name)\":\"\(value)\""
  }

  consuming func finish() -> String { text + "}" }

  /// RFC 8259, section 7; the masked form of what looks like a phone number.
  private mutating func append(quoted string: String) {
    text += "\""
    var length = 0
    for scalar in NumberMask.masked(string).unicodeScalars {
      length += scalar.utf8.count
      guard length <= Logger.textLengthMax else {
        text += "…"
        break
      }
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\u{0}"..."\u{1F}", "\u{7F}":
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }

  /// With microseconds.
  private static func seconds(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let micros = abs(attoseconds) / 1_000_000_000_000
    let digits = String(micros)
    let sign = duration < .zero && seconds == 0 ? "-" : ""
    return "\(sign)\(seconds).\(String(repeating: "0", count: 6 - digits.utf8.count))\(digits)"
  }
}

extension Unicode.Scalar {
  fileprivate var utf8: String.UTF8View { String(self).utf8 }
}
