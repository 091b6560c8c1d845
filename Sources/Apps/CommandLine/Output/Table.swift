/// Rows of text under headings, in columns as wide as they must be.
package struct Table: Sendable {
  let headings: [String]
  private(set) var rows: [[String]] = []

  /// No row yet.
  package init(_ headings: [String]) {
    self.headings = headings
  }

  /// One more row, with a text for each heading.
  package mutating func append(_ row: [String]) {
    precondition(row.count == headings.count, "a row has \(headings.count) texts")
    rows.append(row.map(Self.cell))
  }

  /// The lines, each with its line feed. No trailing spaces.
  package var text: String {
    let widths = headings.indices.map { column in
      ([headings] + rows).map { $0[column].count }.max() ?? 0
    }
    return ([headings] + rows).map { row in
      var line = ""
      for (column, text) in row.enumerated() {
        line += text
        if column < row.count - 1 {
          line += String(repeating: " ", count: widths[column] - text.count + 2)
        }
      }
      return line + "\n"
    }.joined()
  }

  /// What fits in a cell: a hyphen for nothing, and no control character, which could drive the
  /// terminal.
  static func cell(_ text: String) -> String {
    text.isEmpty ? "-" : printable(text)
  }

  /// The text with every control character replaced.
  static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse: "\u{FFFD}"
          default: scalar
          }
        }))
  }
}

/// One thing, a line for each of its fields. Fields without a value are left out.
struct Record: Sendable {
  private var fields: [(name: String, value: String)] = []

  mutating func append(_ name: String, _ value: String) {
    guard !value.isEmpty else { return }
    fields.append((name, Table.printable(value)))
  }

  var text: String {
    let width = fields.map(\.name.count).max() ?? 0
    return fields.map { name, value in
      name + ":" + String(repeating: " ", count: width - name.count + 1) + value + "\n"
    }.joined()
  }
}
