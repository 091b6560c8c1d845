/// Takes out of a carrier's words what may stand in no log and no error.
package enum Redaction {
  /// The longest text that is left.
  package static let lengthMax = 240
  /// Runs of at least so many digits may be a telephone number.
  private static let digitsMin = 5
  /// Runs of at least so many letters and digits may be an identifier or a secret.
  private static let wordMin = 24

  /// `text` with each number and each long word replaced by `***`, cut to ``lengthMax``.
  package static func redact(_ text: String) -> String {
    var result = ""
    var word = ""
    func flush() {
      let digits = word.utf8.count { $0 >= 48 && $0 <= 57 }
      let hides = word.utf8.count >= wordMin || digits >= digitsMin
      result += hides ? "***" : word
      word = ""
    }
    for scalar in text.unicodeScalars.prefix(lengthMax * 4) {
      // Digits in groups, as in "555-0100" or "(555) 0100", are one number.
      let joins = scalar == "-" || scalar == "_"
      if isAlphanumeric(scalar) || joins && !word.isEmpty {
        word.unicodeScalars.append(scalar)
      } else {
        flush()
        result.unicodeScalars.append(scalar.value < 0x20 ? " " : scalar)
      }
    }
    flush()
    return String(result.prefix(lengthMax))
  }

  private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9": true
    default: false
    }
  }
}
