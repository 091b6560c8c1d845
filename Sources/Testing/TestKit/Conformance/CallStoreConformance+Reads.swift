internal import CallDispatch
internal import Telephony

extension CallStoreConformance {
  static let readChecks = [
    CallStoreCheck("lists are newest first and go on before the last call") { store in
      for index in [3, 1, 5, 2, 4] {
        _ = try await placeOne(CallSamples.outbound(UInt64(index), to: index), in: store)
      }
      // The same bits in two regions are two calls, in the order of the regions.
      _ = try await placeOne(CallSamples.outbound(3, to: 6, region: .au1), in: store)
      let filter = CallFilter(tenant: CallSamples.tenant)
      var seen: [CallID] = []
      var before: CallID?
      for _ in 0..<4 {
        let page = try await store.calls(CallQuery(filter: filter, before: before, limit: 2))
        seen += page.map(\.id)
        before = page.last?.id ?? before
      }
      try requireEqual(seen.map(\.bits), [5, 4, 3, 3, 2, 1])
      try requireEqual(seen[2].region, .us1)
      try requireEqual(seen[3].region, .au1)
    },
    CallStoreCheck("every filter takes its own calls only") { store in
      var special = CallSamples.outbound(1)
      special.agent = try AgentID("special")
      special.state = .completed
      special.dial?.phase = .settled
      special.work = nil
      _ = try await placeOne(special, in: store)
      _ = try await store.createInbound(CallSamples.inbound(2, carrierCall: 2))
      _ = try await placeOne(
        CallSamples.outbound(3, to: 3, tenant: CallSamples.otherTenant), in: store)
      let tenant = CallSamples.tenant
      let expected: [(CallFilter, [UInt128])] = [
        (CallFilter(tenant: tenant), [2, 1]),
        (CallFilter(tenant: CallSamples.otherTenant), [3]),
        (CallFilter(tenant: TenantID(bits: 9)), []),
        (CallFilter(tenant: tenant, number: CallSamples.number), [2, 1]),
        (CallFilter(tenant: tenant, number: PhoneNumberID(bits: 9)), []),
        (CallFilter(tenant: tenant, agent: try AgentID("special")), [1]),
        (CallFilter(tenant: tenant, provider: CallSamples.provider), [2, 1]),
        (CallFilter(tenant: tenant, provider: ProviderID(bits: 9)), []),
        (CallFilter(tenant: tenant, region: .ie1), [2]),
        (CallFilter(tenant: tenant, state: .completed), [1]),
        (CallFilter(tenant: tenant, direction: .inbound), [2]),
        (CallFilter(tenant: tenant, liveOnly: true), [2]),
        (CallFilter(tenant: tenant, state: .ringing, direction: .outbound), []),
      ]
      for (filter, bits) in expected {
        let found = try await store.calls(CallQuery(filter: filter, limit: 10))
        try requireEqual(found.map(\.id.bits), bits, "\(filter)")
        var changed: [UInt128] = []
        for region in filter.region.map({ [$0] }) ?? [.us1, .ie1, .au1] {
          changed += try await store.changes(
            ChangeQuery(filter: filter, region: region, after: 0, through: .max, limit: 10)
          ).map(\.id.bits)
        }
        try requireEqual(changed, bits.reversed(), "changes of \(filter)")
      }
    },
    CallStoreCheck("changes come in order, each call at its last one") { store in
      try requireEqual(try await store.changeCounts()[.us1]?.latest ?? 0, 0)
      var first = try await placeOne(CallSamples.outbound(1), in: store)
      _ = try await placeOne(CallSamples.outbound(2, to: 2), in: store)
      first.state = .dialing
      _ = try await store.update(first)
      _ = try await placeOne(CallSamples.outbound(3, to: 3), in: store)
      // Another region counts for itself.
      _ = try await placeOne(CallSamples.outbound(4, to: 4, region: .au1), in: store)
      let counts = try await store.changeCounts()
      try requireEqual(counts[.us1], ChangeCount(latest: 4))
      try requireEqual(counts[.au1], ChangeCount(latest: 1))
      try requireEqual(counts[.ie1]?.latest ?? 0, 0)
      let filter = CallFilter(tenant: CallSamples.tenant)
      func changes(_ after: Int64, _ through: Int64, _ limit: Int) async throws -> [Int64] {
        try await store.changes(
          ChangeQuery(
            filter: filter, region: .us1, after: after, through: through, limit: limit)
        ).map(\.change)
      }
      try requireEqual(try await changes(0, 4, 9), [2, 3, 4])
      try requireEqual(try await changes(0, 4, 2), [2, 3])
      try requireEqual(try await changes(2, 3, 9), [3])
      try requireEqual(try await changes(4, 9, 9), [])
    },
  ]

  static let workChecks = [
    CallStoreCheck("due work comes in the order of its time, and not before") { store in
      for (index, due) in [30, 10, 20].enumerated() {
        var call = CallSamples.outbound(UInt64(index + 1), to: index)
        call.work = PendingWork(.dial, due: CallSamples.time(due))
        _ = try await placeOne(call, in: store)
      }
      var idle = CallSamples.outbound(9, to: 9)
      idle.work = nil
      _ = try await placeOne(idle, in: store)
      try requireEqual(try await store.nextDue(), CallSamples.time(10))
      let none = try await store.dueCalls(at: CallSamples.time(9), limit: 10)
      try requireEqual(none.count, 0)
      let due = try await store.dueCalls(at: CallSamples.time(20), limit: 10)
      try requireEqual(due.map(\.id.bits), [2, 3])
      let one = try await store.dueCalls(at: CallSamples.time(99), limit: 1)
      try requireEqual(one.map(\.id.bits), [2])
    },
    CallStoreCheck("due work is taken once, and is not due for others until its lease is over") {
      store in
      var call = try await placeOne(CallSamples.outbound(1), in: store)
      call.work = PendingWork(.reconcile, due: CallSamples.time(1))
      call = try await store.update(call)
      let found = try await store.dueCalls(at: CallSamples.time(2), limit: 9)
      try requireEqual(found, [call])
      var machine = CallStateMachine(found[0])
      machine.workTaken(at: CallSamples.time(2))
      let taken = try await store.update(machine.call)
      try await requireRefused(store, machine.call, .conflict)
      let none = try await store.dueCalls(at: CallSamples.time(3), limit: 9)
      try requireEqual(none, [])
      let later = CallSamples.time(2).advanced(by: Limits.workLease)
      try requireEqual(try await store.dueCalls(at: later, limit: 9), [taken])
    },
    CallStoreCheck("of those that begin to send one dial at once one may") { store in
      let call = try await placeOne(CallSamples.outbound(1), in: store)
      let senders = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask {
            var machine = CallStateMachine(call)
            guard machine.sendingBegan(attempt: 0, at: CallSamples.time(1)) == .send else {
              return false
            }
            return (try? await store.update(machine.call)) != nil
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      try requireEqual(senders, 1)
    },
    CallStoreCheck("work that is done is not due any more") { store in
      var call = try await placeOne(CallSamples.outbound(1), in: store)
      call.work = nil
      call = try await store.update(call)
      try requireEqual(try await store.nextDue(), nil)
      try requireEqual(try await store.dueCalls(at: CallSamples.time(9), limit: 1).count, 0)
    },
    CallStoreCheck("a dial that is being sent is found again") { store in
      var call = try await placeOne(CallSamples.outbound(1), in: store)
      _ = try await placeOne(CallSamples.outbound(2, to: 2), in: store)
      call.dial?.phase = .sending
      call = try await store.update(call)
      try requireEqual(try await store.sendingCalls(limit: 10), [call])
      call.dial?.phase = .unknown
      _ = try await store.update(call)
      try requireEqual(try await store.sendingCalls(limit: 10), [])
    },
  ]
}
