internal import Access
internal import Telephony

/// What a transaction tells the audit log, before it is known who and when.
struct AuditDraft: Sendable, Hashable {
  let action: AuditAction
  let resource: AuditResource
  let changes: [AuditChange]

  init(_ action: AuditAction, _ resource: AuditResource, _ changes: [AuditChange]) {
    self.action = action
    self.resource = resource
    self.changes = changes
  }

  /// The entry that is written with the change.
  func entry(by caller: Caller, at time: Timestamp, _ ids: any IDSource) -> AuditEntry {
    AuditEntry(
      id: AuditEntryID(at: time, random: ids), time: time, caller: caller, action: action,
      resource: resource, changes: changes)
  }
}

/// What the audit log tells of a resource: its fields as text, by their paths in the contract.
struct AuditedFields {
  private(set) var texts: [(field: String, value: String)] = []
  /// Fields with names of the caller's choice.
  private(set) var entries: [(field: String, value: String)] = []
  private(set) var secrets: [(field: String, value: AnyHashable?)] = []

  /// An empty value is one that is unset.
  mutating func add(_ field: String, _ value: String) { texts.append((field, value)) }

  mutating func add(_ field: String, _ value: Bool) { add(field, value ? "true" : "false") }

  mutating func add(_ field: String, _ labels: [String: String]) {
    for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
      entries.append(("\(field).\(key)", value))
    }
  }

  /// Sealed or not, it is only compared: what is told is whether it is there.
  mutating func add(secret field: String, _ value: (some Hashable)?) {
    secrets.append((field, value.map { AnyHashable($0) }))
  }

  /// What differs: secrets first, then fields, then labels and the like, each in the order of the
  /// new ones and then of those that went. Where there is no room for all, none of a caller's own
  /// names hides what else was changed.
  static func changes(from old: AuditedFields?, to new: AuditedFields?) -> [AuditChange] {
    secretChanges(from: old, to: new) + changes(from: old?.texts, to: new?.texts)
      + changes(from: old?.entries, to: new?.entries)
  }

  private static func changes(
    from old: [(field: String, value: String)]?, to new: [(field: String, value: String)]?
  ) -> [AuditChange] {
    var changes: [AuditChange] = []
    let (before, after) = (old ?? [], new ?? [])
    for (field, value) in after {
      let former = before.first { $0.field == field }?.value ?? ""
      if former != value { changes.append(AuditChange(field, old: former, new: value)) }
    }
    for (field, value) in before where !value.isEmpty {
      guard !after.contains(where: { $0.field == field }) else { continue }
      changes.append(AuditChange(field, old: value, new: ""))
    }
    return changes
  }

  private static func secretChanges(
    from old: AuditedFields?, to new: AuditedFields?
  ) -> [AuditChange] {
    var changes: [AuditChange] = []
    let (hidden, shown) = (old?.secrets ?? [], new?.secrets ?? [])
    for (field, value) in shown {
      let former = hidden.first { $0.field == field }?.value
      guard former != value else { continue }
      changes.append(.secret(field, had: former != nil, has: value != nil))
    }
    for (field, value) in hidden where value != nil {
      guard !shown.contains(where: { $0.field == field }) else { continue }
      changes.append(.secret(field, had: true, has: false))
    }
    return changes
  }
}
