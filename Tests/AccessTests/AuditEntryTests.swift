import Access
import Telephony
import Testing

@Suite struct AuditEntryTests {
  private let caller = Caller(
    tenant: TenantID(bits: 9), principal: .token(APITokenID(bits: 4)), scopes: Scopes(.admin),
    peer: "ipv4:192.0.2.1:5", method: "trunkline.v1.AgentService/CreateAgent", traceID: "ab")

  private func entry(_ changes: [AuditChange], at time: Int64 = 10) -> AuditEntry {
    AuditEntry(
      id: AuditEntryID(bits: 1), time: Timestamp(milliseconds: time), caller: caller,
      action: .update, resource: AuditResource(.agent, "desk"), changes: changes)
  }

  @Test func takesWhatItTellsFromTheCaller() {
    let entry = entry([])
    #expect(entry.tenant == caller.tenant)
    #expect(entry.principal == caller.principal)
    #expect(entry.peer == caller.peer)
    #expect(entry.method == caller.method)
    #expect(entry.traceID == "ab")
  }

  @Test func aSecretIsNeverTold() {
    #expect(AuditChange.secret("auth_token", had: false, has: true).new == "set")
    #expect(AuditChange.secret("auth_token", had: true, has: true).new == "changed")
    #expect(AuditChange.secret("auth_token", had: true, has: false).new == "")
    #expect(AuditChange.secret("auth_token", had: true, has: false).old == "set")
  }

  @Test func longValuesAreCutAndSaySo() {
    let limit = AccessLimits.auditValueLengthMax
    let whole = String(repeating: "x", count: limit)
    #expect(AuditChange("label", old: whole, new: "").old == whole)
    let cut = AuditChange("label", old: "", new: String(repeating: "ü", count: limit)).new
    #expect(cut.utf8.count <= limit && cut.hasSuffix("… (cut)") && cut.hasPrefix("üü"))
  }

  @Test func longValuesThatDifferAreToldDifferently() {
    let limit = AccessLimits.auditValueLengthMax
    let start = String(repeating: "ü", count: limit)
    for (old, new) in [
      (start + "one", start + "two"), (start, start + "x"), (start + "x", start),
      ("a" + start, "b" + start), (start + "a" + start, start + "b" + start),
      (String(start.dropLast(limit - 60)) + "a" + start, String(start.dropLast(limit - 60))),
    ] {
      let change = AuditChange("url", old: old, new: new)
      #expect(change.old != change.new)
      for value in [change.old, change.new] { #expect(value.utf8.count <= limit) }
    }
    let end = AuditChange("url", old: start + "one", new: start + "two")
    #expect(end.old.hasPrefix("üü") && end.old.hasSuffix("… (cut) one"))
  }

  @Test func tooManyChangesAreCounted() {
    let limit = AccessLimits.auditChangeCountMax
    let all = (0..<(limit + 3)).map { AuditChange("f\($0)", old: "", new: "1") }
    #expect(entry(Array(all.prefix(limit))).changes.count == limit)
    let told = entry(all).changes
    #expect(told.count == limit)
    #expect(told.last?.new == "4 more fields")
  }

  @Test func aFilterTakesWhatFitsAllOfIt() {
    let entry = entry([], at: 10)
    #expect(AuditFilter().takes(entry))
    #expect(AuditFilter(resourceKind: .agent, resourceID: "desk", action: .update).takes(entry))
    #expect(!AuditFilter(resourceKind: .provider).takes(entry))
    #expect(!AuditFilter(resourceID: "other").takes(entry))
    #expect(!AuditFilter(principal: .system).takes(entry))
    #expect(!AuditFilter(action: .delete).takes(entry))
    #expect(AuditFilter(since: Timestamp(milliseconds: 10)).takes(entry))
    #expect(!AuditFilter(until: Timestamp(milliseconds: 10)).takes(entry))
  }
}
