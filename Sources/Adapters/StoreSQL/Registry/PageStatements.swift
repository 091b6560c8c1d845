/// A list's statements: one for each set of filters, so that each is prepared and planned for what
/// it filters.
///
/// A page begins after a cursor, newest first; the first page's cursor lies above everything.
struct PageStatements: Sendable {
  /// For each set of filters, as bits in the order of `filters`.
  private let statements: [SQLStatement]
  /// The filters whose value is in their text.
  private let fixed: Set<Int>

  /// - Parameters:
  ///   - conditions: what each row meets, with parameters from `$1`; `fixedCount` of them.
  ///   - filters: conditions that a list may have, each with one parameter written as `?`, or with
  ///     none: an index of some of the rows is used only where the text says that it is of those.
  ///   - order: the columns that sort, falling.
  init(
    name: String, select: String, conditions: String, fixedCount: Int, filters: [String],
    order: String
  ) {
    fixed = Set(filters.indices.filter { !filters[$0].contains("?") })
    statements = (0..<(1 << filters.count)).map { set in
      var text = "\(select) WHERE \(conditions)"
      var count = fixedCount
      for (index, filter) in filters.enumerated() where set & (1 << index) != 0 {
        if filter.contains("?") { count += 1 }
        text += " AND " + filter.replacing("?", with: "$\(count)")
      }
      return SQLStatement("\(name)_\(set)", "\(text) ORDER BY \(order) LIMIT $\(count + 1)")
    }
  }

  /// The statement for the filters that have a value, and those values.
  func select(_ filters: [SQLValue?]) -> (statement: SQLStatement, values: [SQLValue]) {
    var set = 0
    for (index, value) in filters.enumerated() where value != nil { set |= 1 << index }
    let values = filters.enumerated().compactMap { index, value in
      fixed.contains(index) ? nil : value
    }
    return (statements[set], values)
  }

  var all: [SQLStatement] { statements }

  private static func resources(
    _ table: String, _ filters: [String], name: String? = nil, only condition: String = ""
  ) -> PageStatements {
    PageStatements(
      name: "\(name ?? table)_page", select: "SELECT document FROM \(table)",
      conditions: "tenant = $1 AND (create_time, id) < ($2, $3)\(condition)", fixedCount: 3,
      filters: filters, order: "create_time DESC, id DESC")
  }

  static let providers = resources("providers", ["account_sid = ?", "region = ?", "kind = ?"])
  static let numbers = resources(
    "phone_numbers", ["agent_id = ?", "provider_id = ?", "region = ?", "state = ?"])
  static let agents = resources(
    "agents", [], only: " AND id NOT LIKE \(softphoneIDs)")
  static let softphones = resources(
    "agents", [], name: "softphones", only: " AND id LIKE \(softphoneIDs)")
  /// A pattern, not a range of ids: collations differ in where other ids would lie.
  private static let softphoneIDs = "'sph^_%' ESCAPE '^'"
  static let journals = resources("provisioning_journal", ["number_id = ?", "state = ?"])
  static let audit = PageStatements(
    name: "audit_page", select: "SELECT document FROM audit_events",
    conditions: "tenant = $1 AND (entry_time, id) < ($2, $3)", fixedCount: 3,
    filters: [
      "resource_kind = ?", "resource_id = ?", "principal = ?", "action = ?", "entry_time >= ?",
      "entry_time < ?",
    ],
    order: "entry_time DESC, id DESC")
}

/// Statements over a list of keys. A prepared statement has a fixed count of parameters: there is
/// one for each of a few sizes, and what is left is filled up with a key that nothing has.
struct ListStatements: Sendable {
  private static let sizes = [1, 8, 64]
  private let statements: [Int: SQLStatement]

  /// - Parameter text: the statement for keys with these parameters.
  init(_ name: String, firstKey: Int, _ text: ([String]) -> String) {
    let texts = Self.sizes.map { size in
      (size, text((firstKey..<(firstKey + size)).map { "$\($0)" }))
    }
    statements = Dictionary(
      uniqueKeysWithValues: texts.map { ($0, SQLStatement("\(name)_\($0)", $1)) })
  }

  /// The statements that take `keys`, each with its part of them.
  func select(_ keys: [String]) -> [(statement: SQLStatement, keys: [SQLValue])] {
    var parts: [(statement: SQLStatement, keys: [SQLValue])] = []
    var rest = keys[...]
    while !rest.isEmpty {
      let size = Self.sizes.first { $0 >= rest.count } ?? Self.sizes[Self.sizes.count - 1]
      guard let statement = statements[size] else { preconditionFailure("no size \(size)") }
      let part = rest.prefix(size)
      rest = rest.dropFirst(size)
      let filling = repeatElement(SQLValue.text(""), count: size - part.count)
      parts.append((statement, part.map { .text($0) } + filling))
    }
    return parts
  }

  var all: [SQLStatement] { Self.sizes.compactMap { statements[$0] } }

  static let claims = ListStatements("claim_list", firstKey: 2) { keys in
    """
    SELECT carrier_sid, tenant, number_id, region FROM number_claims
    WHERE account_sid = $1 AND carrier_sid IN (\(keys.joined(separator: ", ")))
    """
  }
  static let agentCounts = ListStatements("agent_counts", firstKey: 2) { keys in
    """
    SELECT agent_id, count(*) FROM phone_numbers
    WHERE tenant = $1 AND agent_id IN (\(keys.joined(separator: ", "))) GROUP BY agent_id
    """
  }
  /// The newest numbers of each agent, in no order.
  static let agentNumbers = ListStatements("agent_newest", firstKey: 3) { keys in
    keys.enumerated().map { index, key in
      """
      SELECT agent_id, id, create_time FROM (
        SELECT agent_id, id, create_time FROM phone_numbers
        WHERE tenant = $1 AND agent_id = \(key) ORDER BY create_time DESC, id DESC LIMIT $2
      ) AS a\(index)
      """
    }.joined(separator: "\nUNION ALL\n")
  }
}

extension SQLStatement {
  /// Every statement that the stores run: a test holds each to what the engines share.
  package static let all: [SQLStatement] =
    RegistryStatements.all + FeedStatements.all + PageStatements.providers.all
    + PageStatements.numbers.all + PageStatements.agents.all
    + PageStatements.softphones.all + PageStatements.journals.all
    + PageStatements.audit.all
    + ListStatements.claims.all + ListStatements.agentCounts.all + ListStatements.agentNumbers.all
    + CallStatements.all
}
