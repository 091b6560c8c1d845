/// A statement with the parameters `$1`, `$2`, … in the form that PostgreSQL, YugabyteDB and
/// CockroachDB share.
///
/// Each parameter's type follows from the column that it is compared with or written to; none
/// stands where a server could not infer it. Engines that want another form (SQLite: `?1`, no
/// `FOR UPDATE`) make it once, when they prepare it.
package struct SQLStatement: Sendable, Hashable {
  /// Unique among all statements: the name under which an engine may keep it prepared. At most 63
  /// bytes of `a-z 0-9 _`, PostgreSQL's bound of a name.
  package let name: String
  package let text: String

  package init(_ name: String, _ text: String) {
    self.name = name
    self.text = text
  }

  package static func == (left: Self, right: Self) -> Bool { left.name == right.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
