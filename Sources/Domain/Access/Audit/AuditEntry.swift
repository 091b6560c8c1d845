package import Telephony

package enum AuditEntryKind: ResourceKind { package static let prefix = "aud_" }

/// An entry of the audit log: `aud_` and 32 hex digits.
package typealias AuditEntryID = HexIdentifier<AuditEntryKind>

/// What was done.
package enum AuditAction: String, Sendable, Hashable, Codable, CaseIterable {
  case create, update, delete, assign, unassign, revoke
  case importNumber = "import"
  /// Credentials were replaced.
  case rotate
  case repair, move
  /// A number was bought.
  case provision
  /// A number was given up at the carrier.
  case release
  /// An operation was cancelled.
  case cancel
  /// A provider's numbers were compared with the carrier.
  case sync
  /// A number was removed, and what was left at the carrier given up.
  case forceDelete = "force_delete"
  /// A call was placed, or ended, by a caller.
  case place
  case hangUp = "hang_up"
}

/// What it was done to.
package struct AuditResource: Sendable, Hashable, Codable {
  package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    case provider, agent, softphone, token, call
    case phoneNumber = "phone_number"
  }

  package let kind: Kind
  /// The id's text.
  package let id: String

  package init(_ kind: Kind, _ id: String) {
    self.kind = kind
    self.id = id
  }
}

/// One field that changed. Values are text; an empty one means unset.
package struct AuditChange: Sendable, Hashable, Codable {
  /// The field's path in the contract, e.g. `display_name` or `labels.team`.
  package let field: String
  package let old: String
  package let new: String

  /// Values longer than `AccessLimits.auditValueLengthMax` bytes are cut, and say so. Of two that
  /// begin alike that beginning is cut, so that the change is seen.
  package init(_ field: String, old: String, new: String) {
    self.field = field
    let isLong = max(old.utf8.count, new.utf8.count) > AccessLimits.auditValueLengthMax
    let same = isLong ? zip(old, new).prefix { $0 == $1 }.count : 0
    self.old = Self.cut(old, same: same)
    self.new = Self.cut(new, same: same)
  }

  /// A secret that was set, replaced or removed: whether there is one is all that is told.
  package static func secret(_ field: String, had: Bool, has: Bool) -> AuditChange {
    AuditChange(
      field, old: had ? "set" : "", new: has ? (had ? "changed" : "set") : "")
  }

  private static let mark = "… (cut)"

  /// - Parameter same: with how many characters the other value begins likewise.
  private static func cut(_ value: String, same: Int) -> String {
    let size = AccessLimits.auditValueLengthMax
    guard value.utf8.count > size else { return value }
    let head = String(prefix(of: value[...], sizeMax: size / 4))
    // The whole beginning is kept when there is room for it.
    let (start, tail) =
      head.count < same ? (head + mark + " ", value.dropFirst(same)) : ("", value[...])
    let room = size - start.utf8.count
    guard tail.utf8.count > room else { return start + tail }
    return start + prefix(of: tail, sizeMax: room - mark.utf8.count) + mark
  }

  private static func prefix(of text: Substring, sizeMax: Int) -> Substring {
    var kept = text.prefix(sizeMax)
    while kept.utf8.count > sizeMax { kept.removeLast() }
    return kept
  }
}

/// Who changed what, when and from where. Written in the change's own transaction, never changed.
///
/// It holds no secret. It may hold full phone numbers: only their owner reads it.
package struct AuditEntry: Sendable, Hashable, Codable {
  package let id: AuditEntryID
  package let tenant: TenantID
  package let time: Timestamp
  package let principal: Principal
  /// The transport's address of the peer; empty for our own work.
  package let peer: String
  /// The method's full name, or `background`.
  package let method: String
  package let action: AuditAction
  package let resource: AuditResource
  package let changes: [AuditChange]
  /// The call's trace, 32 hex digits; nil when it had none.
  package let traceID: String?

  /// Of more than `AccessLimits.auditChangeCountMax` changes the rest is counted in the last.
  package init(
    id: AuditEntryID, time: Timestamp, caller: Caller, action: AuditAction,
    resource: AuditResource, changes: [AuditChange]
  ) {
    self.id = id
    self.tenant = caller.tenant
    self.time = time
    self.principal = caller.principal
    self.peer = caller.peer
    self.method = caller.method
    self.action = action
    self.resource = resource
    let kept = AccessLimits.auditChangeCountMax
    if changes.count <= kept {
      self.changes = changes
    } else {
      let rest = AuditChange("…", old: "", new: "\(changes.count - kept + 1) more fields")
      self.changes = changes.prefix(kept - 1) + [rest]
    }
    self.traceID = caller.traceID
  }
}

/// Which entries a list holds; a nil field takes all.
package struct AuditFilter: Sendable, Hashable {
  package var resourceKind: AuditResource.Kind?
  /// The id's text.
  package var resourceID: String?
  package var principal: Principal?
  package var action: AuditAction?
  /// Entries of this time and later.
  package var since: Timestamp?
  /// Entries before this time.
  package var until: Timestamp?

  package init(
    resourceKind: AuditResource.Kind? = nil, resourceID: String? = nil,
    principal: Principal? = nil, action: AuditAction? = nil, since: Timestamp? = nil,
    until: Timestamp? = nil
  ) {
    self.resourceKind = resourceKind
    self.resourceID = resourceID
    self.principal = principal
    self.action = action
    self.since = since
    self.until = until
  }

  /// Whether an entry is in the list; for stores that filter by hand.
  package func takes(_ entry: AuditEntry) -> Bool {
    (resourceKind ?? entry.resource.kind) == entry.resource.kind
      && (resourceID ?? entry.resource.id) == entry.resource.id
      && (principal ?? entry.principal) == entry.principal
      && (action ?? entry.action) == entry.action
      && since.map { entry.time >= $0 } ?? true && until.map { entry.time < $0 } ?? true
  }
}
