package import Access
package import Telephony

/// Who asked for a work that goes on without them, as its journal entry keeps it for the audit log.
package struct StoredCaller: Sendable, Hashable, Codable {
  package let principal: Principal
  package let peer: String
  package let method: String
  package let traceID: String?

  package init(_ caller: Caller) {
    self.principal = caller.principal
    self.peer = caller.peer
    self.method = caller.method
    self.traceID = caller.traceID
  }

  /// What was allowed when it began goes on.
  package func caller(of tenant: TenantID) -> Caller {
    Caller(
      tenant: tenant, principal: principal, scopes: .all, peer: peer, method: method,
      traceID: traceID)
  }
}

/// A batch of imports, as its journal entry keeps it: what was asked for, and what came of it.
package struct BatchRecord: Sendable, Hashable, Codable {
  package struct Entry: Sendable, Hashable, Codable {
    /// As the request had it.
    package var e164: String
    package var label: String
    package var supportsInbound: Bool
    package var supportsOutbound: Bool
    package var labels: [String: String]
    package var assignee: AgentID?
  }

  /// How one number ended.
  package struct Row: Sendable, Hashable, Codable {
    /// Which entry, from 0.
    package var index: Int
    package var numberID: PhoneNumberID?
    /// nil: it was imported.
    package var refusal: StoredRefusal?
  }

  package let requestID: String
  package let asker: StoredCaller
  package let entries: [Entry]
  /// In the order in which they ended, each index once.
  package var rows: [Row] = []

  package init(requestID: String, asker: StoredCaller, entries: [Entry]) {
    self.requestID = requestID
    self.asker = asker
    self.entries = entries
  }

  package var failedCount: Int { rows.count { $0.refusal != nil } }

  /// What the request id of a number stands for that is not to be begun any more.
  static func bar(of operation: OperationID) -> String { "\(operation)/cancelled" }

  /// Whether sending it again would import more.
  var isWhole: Bool { rows.count == entries.count && failedCount == 0 }
}

/// The change to a provider's staged credentials, as its journal entry keeps it.
package struct RotationRecord: Sendable, Hashable, Codable {
  /// A number that they do not reach.
  package struct Row: Sendable, Hashable, Codable {
    package var numberID: PhoneNumberID
    package var e164: E164
    package var carrierCode: Int?
  }

  /// Which of the credentials that were ever staged.
  package let mark: Version
  /// The provider's etag that the request gave; empty: none.
  package let etag: String
  package let asker: StoredCaller
  /// Numbers that were tried, so far or at the end.
  package var triedCount = 0
  /// Numbers that there were to try.
  package var totalCount = 0
  /// At most `RegistryLimits.rotationRowsMax`.
  package var rows: [Row] = []
  package var rowCount = 0
  /// Why nothing was changed; nil while nobody can say, and where numbers are not reached.
  package var refusal: StoredRefusal?

  package init(mark: Version, etag: String, asker: StoredCaller) {
    self.mark = mark
    self.etag = etag
    self.asker = asker
  }
}
