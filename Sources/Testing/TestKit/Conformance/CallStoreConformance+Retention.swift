internal import CallDispatch
internal import Telephony

extension CallStoreConformance {
  static let retentionChecks = [
    CallStoreCheck("calls that are over are forgotten, the oldest first, others never") { store in
      /// Writes a call of an id, over unless told otherwise.
      func write(
        _ index: UInt64, region: Region = .us1, _ change: (inout Call) -> Void = { _ in }
      ) async throws {
        var call = CallSamples.outbound(index, to: Int(index), region: region)
        call.state = .completed
        call.dial?.phase = .settled
        call.work = nil
        change(&call)
        _ = try await placeOne(call, in: store)
      }
      try await write(1)
      try await write(2) { $0.state = .inProgress }
      try await write(3)
      try await write(4) { $0.work = PendingWork(.end, due: CallSamples.time(9)) }
      try await write(5, region: .ie1)
      try await write(6) {
        $0.state = .queued
        $0.dial?.phase = .unknown
      }
      try await write(7)
      try await write(8)
      func forget(before index: UInt128, limit: Int) async throws -> Int {
        try await store.forgetCalls(before: CallID(region: .us1, bits: index), limit: limit)
      }
      func left() async throws -> [UInt64] {
        let query = CallQuery(filter: CallFilter(tenant: CallSamples.tenant), limit: 99)
        return try await store.calls(query).map(\.id.low).reversed()
      }
      try requireEqual(try await forget(before: 1, limit: 9), 0)
      try requireEqual(try await store.changeCounts()[.us1]?.prunedThrough, 0)
      try requireEqual(try await forget(before: 8, limit: 2), 2)
      try requireEqual(try await left(), [2, 4, 5, 6, 7, 8])
      try requireEqual(
        try await store.changeCounts()[.us1], ChangeCount(latest: 7, prunedThrough: 3))
      try requireEqual(try await forget(before: 8, limit: 2), 1)
      try requireEqual(try await forget(before: 8, limit: 2), 0)
      try requireEqual(try await left(), [2, 4, 5, 6, 8])
      let counts = try await store.changeCounts()
      try requireEqual(counts[.us1], ChangeCount(latest: 7, prunedThrough: 6))
      try requireEqual(counts[.ie1], ChangeCount(latest: 1))
    },
    CallStoreCheck("several that forget at once forget each call once") { store in
      for index in 1...30 {
        var call = CallSamples.outbound(UInt64(index), to: index)
        call.state = .failed
        call.dial?.phase = .settled
        call.work = nil
        _ = try await placeOne(call, in: store)
      }
      let count = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<4 {
          group.addTask {
            try await store.forgetCalls(before: CallID(region: .us1, bits: 99), limit: 10)
          }
        }
        return try await group.reduce(0, +)
      }
      let query = CallQuery(filter: CallFilter(tenant: CallSamples.tenant), limit: 99)
      try requireEqual(try await store.calls(query).count, 30 - count)
      try require(count >= 10, "\(count) calls were forgotten")
      try requireEqual(
        try await store.changeCounts()[.us1]?.prunedThrough, Int64(count))
    },
  ]
}
