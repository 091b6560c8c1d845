/// How an engine writes what the tables' definitions can't share.
package struct SQLDialect: Sendable {
  /// The column type of `SQLValue.integer`, and so on.
  package var integer: String
  package var text: String
  package var blob: String
  /// What follows a table's columns.
  package var tableOptions: String

  package init(integer: String, text: String, blob: String, tableOptions: String) {
    self.integer = integer
    self.text = text
    self.blob = blob
    self.tableOptions = tableOptions
  }

  /// A schema's text with `INT`, `TEXT` and `BYTES` as column types and a table's end `);` as this
  /// engine writes them, as statements without their semicolons.
  package func statements(_ schema: String) -> [String] {
    schema.split(separator: ";").map { statement in
      var words: [Substring] = []
      for line in statement.split(separator: "\n") {
        for word in line.split(separator: " ") { words.append(word) }
      }
      var text = words.map { word in
        switch word {
        case "INT", "INT,": integer + word.dropFirst(3)
        case "TEXT", "TEXT,": self.text + word.dropFirst(4)
        case "BYTES", "BYTES,": blob + word.dropFirst(5)
        default: String(word)
        }
      }.joined(separator: " ")
      if text.hasPrefix("CREATE TABLE") { text += tableOptions }
      return text
    }.filter { !$0.isEmpty }
  }
}
