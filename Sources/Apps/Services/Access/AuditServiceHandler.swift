package import API
internal import Access
package import GRPC
package import Registry
internal import Telephony
internal import WellKnown

/// `trunkline.v1.AuditService` over the registry's use cases.
package struct AuditServiceHandler: Trunkline.V1.AuditServiceProtocol {
  private let log: AuditLog

  package init(_ log: AuditLog) { self.log = log }

  package func listAuditEvents(
    _ request: Trunkline.V1.ListAuditEventsRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ListAuditEventsResponse {
    let caller = try context.caller
    let list = ListAuditEvents(
      page: PageRequest(size: Int(request.pageSize), token: request.pageToken),
      resourceType: request.resourceType, resourceID: request.resourceID,
      principal: request.principal, action: request.action,
      since: try request.startTime.map { (time) throws(RPCError) in
        try time.timestamp(field: "start_time")
      },
      until: try request.endTime.map { (time) throws(RPCError) in
        try time.timestamp(field: "end_time")
      })
    let page = try await answer { () async throws(RegistryError) in
      try await log.list(list, by: caller)
    }
    return .init(events: page.elements.map { .init($0) }, nextPageToken: page.nextToken)
  }
}

extension Trunkline.V1.AuditEvent {
  init(_ entry: AuditEntry) {
    self.init()
    id = entry.id.description
    time = .init(entry.time)
    principal = entry.principal.description
    peer = entry.peer
    method = entry.method
    action = entry.action.rawValue
    resourceType = entry.resource.kind.rawValue
    resourceID = entry.resource.id
    changes = entry.changes.map { change in
      var told = Change()
      told.field = change.field
      told.oldValue = change.old
      told.newValue = change.new
      return told
    }
    traceID = entry.traceID ?? ""
  }
}

extension Google.Protobuf.Timestamp {
  /// The time in whole microseconds, cut; one that the type does not allow is refused.
  func timestamp(field: String) throws(RPCError) -> Telephony.Timestamp {
    // 0001-01-01 to 9999-12-31, as google/protobuf/timestamp.proto has it.
    guard (-62_135_596_800...253_402_300_799).contains(seconds), (0..<1_000_000_000).contains(nanos)
    else {
      throw ErrorDetails.invalid([
        (field, "OUT_OF_RANGE", "A time from year 1 to 9999 is expected.")
      ]).error
    }
    return Telephony.Timestamp(microseconds: seconds * 1_000_000 + Int64(nanos) / 1000)
  }
}
