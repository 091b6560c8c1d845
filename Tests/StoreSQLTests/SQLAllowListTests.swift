import Testing

@testable import StoreSQL

/// Holds every statement to what PostgreSQL, YugabyteDB and CockroachDB (and SQLite) share.
struct SQLAllowListTests {
  @Test func everyStatementKeepsToWhatTheEnginesShare() {
    for statement in SQLStatement.all {
      for finding in SQLAllowList.findings(in: statement.text) {
        Issue.record("\(statement.name): \(finding)")
      }
    }
  }

  @Test func namesAreUniqueAndFitAPreparedStatement() {
    let names = SQLStatement.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.count > 300)
    for name in names {
      #expect(
        name.utf8.count <= 63 && name.allSatisfy { $0.isLowercase || "0123456789_".contains($0) })
    }
  }

  @Test func texts() {
    #expect(Set(SQLStatement.all.map(\.text)).count == SQLStatement.all.count)
  }

  @Test(arguments: [
    "SELECT now()", "SELECT id FROM agents FOR SHARE", "SELECT * FROM agents",
    "INSERT OR REPLACE INTO agents (id) VALUES ($1)", "SELECT id::text FROM agents",
    "SELECT nextval('s')", "SELECT id FROM nowhere", "SELECT nothing FROM agents",
    "SELECT id FROM agents WHERE id = ANY ($1)", "SELECT id FROM agents FOR UPDATE SKIP LOCKED",
    "WITH x AS (SELECT id FROM agents) SELECT id FROM x", "SELECT document -> 'a' FROM agents",
    "LISTEN changes", "SELECT pg_notify('a', 'b')", "SELECT id FROM agents WHERE id = $2",
    "SELECT \"id\" FROM agents", "SELECT id FROM agents; DELETE FROM agents",
    "SELECT lower(id) FROM agents", "MERGE INTO agents USING agents ON 1 = 1",
  ])
  func whatIsNotSharedIsFound(_ text: String) {
    #expect(!SQLAllowList.findings(in: text).isEmpty)
  }

  @Test func schemaHoldsOnlySharedTypes() {
    let types = SQLAllowList.schemaWords.filter {
      ["SERIAL", "BOOLEAN", "JSONB", "UUID"].contains($0)
    }
    #expect(types.isEmpty)
    #expect(SQLAllowList.tables.count == 18)
  }
}

/// A small reader of SQL: words, numbers, texts, parameters and signs.
enum SQLAllowList {
  /// Clauses and operators. Upper-case words are these and nothing else.
  static let keywords: Set<String> = [
    "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "IS", "NULL", "AS", "ON", "JOIN", "LEFT",
    "ORDER", "BY", "DESC", "LIMIT", "GROUP", "UNION", "ALL", "INSERT", "INTO", "VALUES", "UPDATE",
    "SET", "DELETE", "CONFLICT", "DO", "NOTHING", "RETURNING", "FOR", "LIKE",
    "ESCAPE",
  ]
  static let functions: Set<String> = ["count", "min", "max", "coalesce"]
  static let signs: Set<Character> = ["(", ")", ",", "=", "<", ">", "+", "-", ".", "*"]
  /// Names that a statement gives to a table; `excluded` is the row that was not inserted.
  static let aliases: Set<String> = Set(["d", "n", "f", "r", "e", "l", "p", "excluded"])
    .union((0..<64).map { "a\($0)" })

  static let schemaWords: [String] = [
    RegistrySchema.tables, RegistrySchema.accessTables, RegistrySchema.operationColumns,
    RegistrySchema.gatewayColumns,
    CallSchema.tables,
  ].flatMap { $0.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init) }

  /// Tables of the schema.
  static let tables: Set<String> = {
    var tables: Set<String> = []
    for (index, word) in schemaWords.enumerated() where word == "TABLE" {
      tables.insert(schemaWords[index + 1])
    }
    return tables
  }()

  /// Every lower-case word of the schema: tables and columns.
  static let names = Set(schemaWords.filter { $0 == $0.lowercased() })

  static func findings(in text: String) -> [String] {
    var findings: [String] = []
    let tokens = read(text, &findings)
    var parameters: Set<Int> = []
    for (index, token) in tokens.enumerated() {
      let next = index + 1 < tokens.count ? tokens[index + 1] : ""
      let last = index > 0 ? tokens[index - 1] : ""
      switch token.first {
      case "$": parameters.insert(Int(token.dropFirst()) ?? 0)
      case let first? where first.isUppercase:
        if !keywords.contains(token) { findings.append("\(token) is not shared by all engines") }
        // Only whole rows are locked, and only for an update.
        if token == "FOR", next != "UPDATE" || index + 2 != tokens.count {
          findings.append("FOR is followed by something other than a final UPDATE")
        }
      case let first? where first.isLetter || first == "_":
        let isCall = next == "(" && last != "INTO" && last != "AS"
        if isCall ? !functions.contains(token) : !isName(token) {
          findings.append("\(token) is no \(isCall ? "shared function" : "name of the schema")")
        }
      case "*":
        if last != "(" || next != ")" { findings.append("* stands outside of count(*)") }
      default: break
      }
    }
    if parameters != Set(parameters.isEmpty ? [] : Array(1...parameters.count)) {
      findings.append("the parameters are not $1 to $\(parameters.count)")
    }
    return findings
  }

  private static func isName(_ word: String) -> Bool {
    names.contains(word) || aliases.contains(word) || functions.contains(word)
  }

  private static func read(_ text: String, _ findings: inout [String]) -> [String] {
    var tokens: [String] = []
    var rest = text[...]
    while let first = rest.first {
      if first.isWhitespace {
        rest.removeFirst()
      } else if first == "'" {
        let body = rest.dropFirst().prefix { $0 != "'" }
        tokens.append("'\(body)'")
        rest = rest.dropFirst(body.count + 2)
      } else if first.isLetter || first.isNumber || first == "_" || first == "$" {
        let word =
          rest.prefix(1) + rest.dropFirst().prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        tokens.append(String(word))
        rest = rest.dropFirst(word.count)
      } else {
        if !signs.contains(first) { findings.append("\(first) is no shared sign") }
        if first == "-", rest.dropFirst().first == ">" { findings.append("-> is not shared") }
        tokens.append(String(first))
        rest.removeFirst()
      }
    }
    return tokens
  }
}
