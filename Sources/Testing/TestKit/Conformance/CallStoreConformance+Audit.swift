internal import Access
internal import CallDispatch
internal import Telephony

extension CallStoreConformance {
  static let auditChecks = [
    CallStoreCheck("what the audit log is to be told is written with the calls or not") { store in
      let calls = [CallSamples.outbound(1), CallSamples.outbound(2, to: 2)]
      let entries = [CallSamples.audit(1, of: calls[0]), CallSamples.audit(2, of: calls[1])]
      let request = CallSamples.request("r", calls: calls)
      _ = try await store.place(Placement(request: request, calls: calls, audit: entries))
      // A repeat places nothing and tells nothing.
      let others = [CallSamples.outbound(3, to: 3)]
      _ = try await store.place(
        Placement(
          request: CallSamples.request("r", calls: others), calls: others,
          audit: [CallSamples.audit(3, of: others[0])]))
      guard var call = try await store.call(calls[0].id) else {
        throw ConformanceFailure(description: "The placed call is not there.")
      }
      let first = call
      call.hangUpRequested = true
      let hangUp = CallSamples.audit(4, of: call, action: .hangUp)
      _ = try await store.update(call, audit: hangUp)
      do {
        _ = try await store.update(first, audit: CallSamples.audit(5, of: first))
        throw ConformanceFailure(description: "An update from an older version was taken.")
      } catch CallStoreError.conflict {
        // Nothing of it may be there.
      }
      let untold = try await store.untoldAudit(of: .us1, after: nil, limit: 9)
      try requireEqual(untold, UntoldAudit(entries: entries + [hangUp], end: nil))
    },
    CallStoreCheck("untold audit entries are paged, and forgotten by region") { store in
      for index in 1...5 {
        let call = CallSamples.outbound(
          UInt64(index), to: index, region: index == 3 ? .ie1 : .us1)
        _ = try await store.place(
          Placement(request: nil, calls: [call], audit: [CallSamples.audit(index, of: call)]))
      }
      func page(_ region: Region, after number: Int? = nil) async throws -> ([UInt64], UInt64?) {
        let page = try await store.untoldAudit(
          of: region, after: number.map { AuditEntryID(bits: UInt128($0)) }, limit: 2)
        return (page.entries.map(\.id.low), page.end?.low)
      }
      func expect(
        _ region: Region, after number: Int? = nil, _ ids: [UInt64], end: UInt64?,
        line: Int = #line
      ) async throws {
        let found = try await page(region, after: number)
        try requireEqual(found.0, ids, "entries", line: line)
        try requireEqual(found.1, end, "end", line: line)
      }
      try await expect(.us1, [1, 2], end: 2)
      try await expect(.us1, after: 2, [4, 5], end: 5)
      try await expect(.us1, after: 5, [], end: nil)
      try await expect(.ie1, [3], end: nil)
      let ids = [1, 3, 4, 9].map { AuditEntryID(bits: $0) }
      for _ in 1...2 {
        try await store.forgetAudit(ids, of: .us1)
        try await expect(.us1, [2, 5], end: 5)
        try await expect(.ie1, [3], end: nil)
      }
      try await store.forgetAudit([], of: .ie1)
      try await store.forgetAudit(ids, of: .ie1)
      try await expect(.ie1, [], end: nil)
      try require(try await store.call(CallSamples.outbound(1).id) != nil, "the call is gone")
    },
  ]
}
