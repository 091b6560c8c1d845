import API
import Access
import CallDispatch
import GRPC
import GRPCInProcess
import Registry
import Telephony
import TestKit
import Testing

@testable import Services

/// Audit entries of calls on their way from a dispatch to its registry.
struct RegistryAuditSinkTests {
  private let services = RegistryServices()
  private let call = CallSamples.outbound(1, tenant: Sample.tenant)

  private func stored(_ tenant: TenantID = Sample.tenant) async throws -> [AuditEntry] {
    try await services.store.tenant(tenant).auditEvents(AuditFilter(), after: nil, limit: 99)
  }

  @Test func entriesArriveWholeAndOnce() async throws {
    let sink = RegistryAuditSink(channel: services.channel)
    let other = CallSamples.outbound(2, tenant: Sample.otherTenant)
    let entries = [
      CallSamples.audit(1, of: call), CallSamples.audit(2, of: call, action: .hangUp),
      CallSamples.audit(3, of: other),
    ]
    for _ in 1...2 { #expect(try await sink.record(entries) == entries.map(\.id)) }
    #expect(try await stored() == [entries[1], entries[0]])
    #expect(try await stored(Sample.otherTenant) == [entries[2]])
  }

  /// A dispatch tells of calls and of nothing else.
  @Test(arguments: AuditAction.allCases) func entriesOfOtherThingsAreLeftOut(
    _ action: AuditAction
  ) async throws {
    let sink = RegistryAuditSink(channel: services.channel)
    let ofCall = CallSamples.audit(1, of: call, action: action)
    let ofAgent = Sample.audit(2, action: action)
    let isOfCalls = action == .place || action == .hangUp
    #expect(try await sink.record([ofCall, ofAgent]) == (isOfCalls ? [ofCall.id] : []))
    #expect(try await stored() == (isOfCalls ? [ofCall] : []))
  }

  @Test func whatIsNotUnderstoodStopsNoOther() async throws {
    let client = Trunkline.Internal.V1.RouteServiceClient(channel: services.channel)
    let whole = Trunkline.Internal.V1.AuditRecord(CallSamples.audit(1, of: call))
    func changed(
      _ change: (inout Trunkline.Internal.V1.AuditRecord) -> Void
    ) -> Trunkline.Internal.V1.AuditRecord {
      var record = Trunkline.Internal.V1.AuditRecord(CallSamples.audit(2, of: call))
      change(&record)
      return record
    }
    let broken = [
      changed { $0.event = nil }, changed { $0.tenantID = "ten_" },
      changed { $0.event?.time = nil }, changed { $0.event?.action = "merge" },
      changed { $0.event?.principal = "somebody" }, changed { $0.event?.resourceType = "moon" },
      changed { $0.event?.resourceID = "call_" },
      changed { $0.event?.peer = String(repeating: "x", count: 257) },
    ]
    let answer = try await client.recordAudit(.init(records: broken + [whole]))
    #expect(answer.recordedIDs == [CallSamples.audit(1, of: call).id.description])
    #expect(try await stored() == [CallSamples.audit(1, of: call)])
    let many = [Trunkline.Internal.V1.AuditRecord](
      repeating: whole, count: AccessLimits.auditRecordsMax + 1)
    await #expect(throws: RPCError.self) { try await client.recordAudit(.init(records: many)) }
  }

  @Test func aRegistryThatIsAwayIsUnavailable() async throws {
    let sink = RegistryAuditSink(channel: InProcessChannel(router: Router(services: [])))
    await #expect(throws: AuditSinkError.unavailable) {
      try await sink.record([CallSamples.audit(1, of: call)])
    }
  }
}
