package import Telephony

/// Why a file of identities can't be used.
package struct IdentityTableError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Counted from 1.
  package let line: Int
  package let problem: String

  package var description: String { "Line \(line): \(problem)" }
}

/// Which client certificates are let in: a subject alternative name each, its tenant and its
/// scopes.
///
/// The text has a line each, `NAME TENANT SCOPE[,SCOPE…]`, with `main` for the first tenant; empty
/// lines and those that begin with `#` say nothing.
package struct IdentityTable: Sendable, Hashable {
  package struct Entry: Sendable, Hashable {
    package let tenant: TenantID
    package let scopes: Scopes
  }

  private let entries: [String: Entry]

  package static let empty = IdentityTable(entries: [:])

  private init(entries: [String: Entry]) { self.entries = entries }

  package init(parsing text: String) throws(IdentityTableError) {
    var entries: [String: Entry] = [:]
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" })
      guard let name = words.first.map(String.init), !name.hasPrefix("#") else { continue }
      guard words.count == 3 else {
        throw .init(line: number, problem: "NAME TENANT SCOPE[,SCOPE…] is expected.")
      }
      guard entries.count < AccessLimits.identitiesMax else {
        throw .init(
          line: number, problem: "There are more than \(AccessLimits.identitiesMax) identities.")
      }
      let entry = try Self.entry(String(words[1]), words[2], number)
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw .init(line: number, problem: "\(name) stands twice.")
      }
    }
    self.entries = entries
  }

  private static func entry(
    _ tenant: String, _ scopes: Substring, _ line: Int
  ) throws(IdentityTableError) -> Entry {
    var id = TenantID.main
    if tenant != "main" {
      do throws(IdentifierError) {
        id = try TenantID(tenant)
      } catch {
        throw .init(line: line, problem: "\(tenant) is no tenant: \(error)")
      }
    }
    var all: [Scope] = []
    for name in scopes.split(separator: ",", omittingEmptySubsequences: false) {
      guard let scope = Scope(rawValue: String(name)) else {
        throw .init(
          line: line,
          problem: "\(name) is no scope. There are "
            + Scope.allCases.map(\.rawValue).joined(separator: ", ") + ".")
      }
      all.append(scope)
    }
    return Entry(tenant: id, scopes: Scopes(all))
  }

  package var count: Int { entries.count }

  /// The first of a certificate's names that is in the table, with its entry.
  package func match(_ names: some Sequence<String>) -> (name: String, entry: Entry)? {
    for name in names {
      if let entry = entries[name] { return (name, entry) }
    }
    return nil
  }
}
