internal import API
package import Access
package import CallDispatch
package import GRPC
internal import Telephony
internal import WellKnown

/// The registry's audit log behind a channel: in this process or over the network. Callable from
/// any executor.
package struct RegistryAuditSink: AuditSink {
  private let client: Trunkline.Internal.V1.RouteServiceClient

  /// How long the registry may take.
  private static let timeout: Swift.Duration = .seconds(10)

  package init(channel: any Channel) {
    client = Trunkline.Internal.V1.RouteServiceClient(channel: channel)
  }

  package func record(
    _ entries: [AuditEntry]
  ) async throws(AuditSinkError) -> [AuditEntryID] {
    var options = CallOptions.defaults
    options.timeout = Self.timeout
    do throws(RPCError) {
      let answer = try await client.recordAudit(
        .init(records: entries.map { .init($0) }), options: options)
      // What was not asked for is none of ours to forget.
      let asked = Set(entries.map(\.id))
      return answer.recordedIDs.compactMap { try? AuditEntryID($0) }.filter(asked.contains)
    } catch {
      throw .unavailable
    }
  }
}

extension Trunkline.Internal.V1.AuditRecord {
  init(_ entry: AuditEntry) {
    self.init(tenantID: entry.tenant.description, event: .init(entry))
  }
}

extension AuditEntry {
  /// nil for one that this version does not understand, or that no dispatch would make.
  init?(_ record: Trunkline.Internal.V1.AuditRecord) {
    guard let event = record.event, let time = event.time,
      let id = try? AuditEntryID(event.id), let tenant = try? TenantID(record.tenantID),
      let principal = Principal(event.principal),
      event.principal.utf8.count <= AccessLimits.auditPrincipalLengthMax,
      let action = AuditAction(rawValue: event.action),
      let kind = AuditResource.Kind(rawValue: event.resourceType),
      event.resourceID.utf8.count <= AccessLimits.auditResourceIDLengthMax,
      event.peer.utf8.count <= AccessLimits.auditTextLengthMax,
      event.method.utf8.count <= AccessLimits.auditTextLengthMax,
      event.traceID.utf8.count <= AccessLimits.auditTextLengthMax,
      event.changes.allSatisfy({ $0.field.utf8.count <= AccessLimits.auditTextLengthMax })
    else { return nil }
    let caller = Caller(
      tenant: tenant, principal: principal, scopes: Scopes(), peer: event.peer,
      method: event.method, traceID: event.traceID.isEmpty ? nil : event.traceID)
    self.init(
      id: id, time: Telephony.Timestamp(time), caller: caller, action: action,
      resource: AuditResource(kind, event.resourceID),
      changes: event.changes.map { AuditChange($0.field, old: $0.oldValue, new: $0.newValue) })
  }
}
