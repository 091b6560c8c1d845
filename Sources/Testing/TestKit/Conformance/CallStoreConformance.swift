package import CallDispatch
internal import Synchronization
internal import Telephony

/// One rule that every call store keeps.
package struct CallStoreCheck: Sendable, CustomStringConvertible {
  package let description: String
  private let body: @Sendable (any CallStore) async throws -> Void

  init(_ description: String, _ body: @escaping @Sendable (any CallStore) async throws -> Void) {
    self.description = description
    self.body = body
  }

  /// Runs over a store that is empty. Throws `ConformanceFailure` where the rule is broken.
  package func run(on store: any CallStore) async throws {
    try await body(store)
  }
}

/// The checks, for the argument list of a test: each runs over a store of its own.
package enum CallStoreConformance {
  package static let checks: [CallStoreCheck] =
    writeChecks + conflictChecks + readChecks + workChecks + auditChecks
    + retentionChecks

  static let writeChecks = [
    CallStoreCheck("a new call has version 1, the next change, and every field") { store in
      for (index, answer) in CallSamples.answers.enumerated() {
        var call = CallSamples.full(UInt64(index + 1))
        call.answer = answer
        let written = try await placeOne(call, in: store)
        try requireEqual(written.version, 1)
        try requireEqual(written.change, Int64(index + 1))
        call.version = 1
        call.change = written.change
        try requireEqual(written, call)
        try requireEqual(try await store.call(call.id), call)
      }
    },
    CallStoreCheck("a call with nothing but what it must have comes back as it was") { store in
      let written = try await placeOne(CallSamples.outbound(1), in: store)
      try requireEqual(try await store.call(written.id), written)
      try requireEqual(try await store.call(CallSamples.outbound(2).id), nil)
    },
    CallStoreCheck("an update counts version and change up and keeps every field") { store in
      var call = try await placeOne(CallSamples.outbound(1), in: store)
      let full = CallSamples.full(1)
      call.state = full.state
      call.dial = full.dial
      call.carrierCallID = full.carrierCallID
      call.agent = full.agent
      call.work = nil
      let written = try await store.update(call)
      try requireEqual(written.version, 2)
      try requireEqual(written.change, 2)
      try requireEqual(try await store.call(call.id), written)
      try requireEqual(written.dial, full.dial)
      try requireEqual(written.agent, full.agent)
    },
    CallStoreCheck("an update from an older version is a conflict and changes nothing") { store in
      let first = try await placeOne(CallSamples.outbound(1), in: store)
      var call = first
      call.state = .dialing
      let second = try await store.update(call)
      call.state = .ringing
      try await requireRefused(store, call, .conflict)
      try requireEqual(try await store.call(call.id), second)
      try requireEqual(try await store.changeCounts()[.us1]?.latest, second.change)
    },
    CallStoreCheck("an update of a call that is not there is not found") { store in
      var call = CallSamples.outbound(1)
      call.version = 1
      try await requireRefused(store, call, .notFound)
    },
    CallStoreCheck("every committed write reaches the sink once, in order") { store in
      let box = SharedCalls()
      await store.observe { box.append($0) }
      var call = try await placeOne(CallSamples.outbound(1), in: store)
      call.state = .dialing
      let updated = try await store.update(call)
      try await requireRefused(store, call, .conflict)
      let inbound = CallSamples.inbound(2, carrierCall: 7)
      _ = try await store.createInbound(inbound)
      _ = try await store.createInbound(inbound)
      _ = try await store.place(
        Placement(request: nil, calls: [CallSamples.outbound(3), CallSamples.outbound(4, to: 2)]))
      try requireEqual(box.calls.map(\.change), [1, 2, 1, 3, 4])
      try requireEqual(box.calls.map(\.region), [.us1, .us1, .ie1, .us1, .us1])
      try requireEqual(box.calls[1], updated)
    },
  ]

  static let conflictChecks = [
    CallStoreCheck("a request id stands for what was written with it") { store in
      let calls = [CallSamples.outbound(1), CallSamples.outbound(2, to: 2)]
      let request = CallSamples.request("r", calls: calls)
      let result = try await store.place(Placement(request: request, calls: calls))
      guard case .placed(let written) = result else {
        throw ConformanceFailure(description: "The first request was taken for a repeat.")
      }
      try requireEqual(written.map(\.id), calls.map(\.id))
      try requireEqual(
        try await store.request("r", tenant: CallSamples.tenant), request)
      let other = [CallSamples.outbound(3, to: 3)]
      let repeated = try await store.place(
        Placement(request: CallSamples.request("r", calls: other), calls: other))
      try requireEqual(repeated, .repeated(request))
      try requireEqual(try await store.call(other[0].id), nil, "the call of a repeat")
    },
    CallStoreCheck("request ids are the tenant's own") { store in
      let call = CallSamples.outbound(1)
      _ = try await store.place(
        Placement(request: CallSamples.request("r", calls: [call]), calls: [call]))
      try requireEqual(try await store.request("r", tenant: CallSamples.otherTenant), nil)
      let other = CallSamples.outbound(2, to: 2, tenant: CallSamples.otherTenant)
      let request = CallSamples.request("r", calls: [other], tenant: CallSamples.otherTenant)
      let result = try await store.place(Placement(request: request, calls: [other]))
      guard case .placed = result else {
        throw ConformanceFailure(description: "Another tenant's request id was taken.")
      }
    },
    CallStoreCheck("old request ids are forgotten, the oldest first, their calls stay") { store in
      for index in 1...4 {
        let call = CallSamples.outbound(UInt64(index), to: index)
        let request = CallSamples.request("r\(index)", calls: [call], at: index)
        _ = try await store.place(Placement(request: request, calls: [call]))
      }
      let forgotten = try await store.forgetRequests(
        createdBefore: CallSamples.time(4), limit: 2)
      try requireEqual(forgotten, 2)
      var left: [Bool] = []
      for index in 1...4 {
        left.append(try await store.request("r\(index)", tenant: CallSamples.tenant) != nil)
      }
      try requireEqual(left, [false, false, true, true])
      let rest = try await store.forgetRequests(createdBefore: CallSamples.time(4), limit: 9)
      try requireEqual(rest, 1)
      try require(try await store.call(CallSamples.outbound(1).id) != nil, "the call is gone")
    },
    CallStoreCheck("an inbound call is created once per account and carrier call id") { store in
      let first = try await store.createInbound(CallSamples.inbound(1, carrierCall: 9))
      guard case .created(let call) = first else {
        throw ConformanceFailure(description: "The first was taken for a repeat.")
      }
      let second = try await store.createInbound(CallSamples.inbound(2, carrierCall: 9))
      try requireEqual(second, .existed(call))
      try requireEqual(try await store.call(CallSamples.inbound(2, carrierCall: 9).id), nil)
      let found = try await store.call(
        account: CallSamples.account, carrierCallID: CallSamples.carrierCallID(9))
      try requireEqual(found, call)
    },
    CallStoreCheck("one carrier call belongs to one call") { store in
      _ = try await store.createInbound(CallSamples.inbound(1, carrierCall: 9))
      var call = try await placeOne(CallSamples.outbound(2), in: store)
      call.carrierCallID = CallSamples.carrierCallID(9)
      try await requireRefused(
        store, call, .carrierCallTaken(CallSamples.inbound(1, carrierCall: 9).id))
    },
    CallStoreCheck("at most one unresolved dial per account, from and to") { store in
      var first = try await placeOne(CallSamples.outbound(1), in: store)
      var second = try await placeOne(CallSamples.outbound(2), in: store)
      var elsewhere = try await placeOne(CallSamples.outbound(3, to: 2), in: store)
      first.dial?.phase = .sending
      first = try await store.update(first)
      second.dial?.phase = .sending
      try await requireRefused(store, second, .attemptUnresolved(first.id))
      elsewhere.dial?.phase = .sending
      _ = try await store.update(elsewhere)
      first.dial?.phase = .unknown
      first = try await store.update(first)
      try await requireRefused(store, second, .attemptUnresolved(first.id))
      try requireEqual(
        try await store.unresolvedAttempt(
          account: first.account, from: first.from, to: first.to), first.id)
      first.dial?.phase = .settled
      first.carrierCallID = CallSamples.carrierCallID(1)
      _ = try await store.update(first)
      try requireEqual(
        try await store.unresolvedAttempt(
          account: first.account, from: first.from, to: first.to), nil)
      second = try await store.update(second)
      try requireEqual(second.dial?.phase, .sending)
    },
  ]

  static func placeOne(_ call: Call, in store: any CallStore) async throws -> Call {
    guard case .placed(let written) = try await store.place(Placement(request: nil, calls: [call])),
      let first = written.first, written.count == 1
    else { throw ConformanceFailure(description: "One call was placed and not one came back.") }
    return first
  }

  static func requireRefused(
    _ store: any CallStore, _ call: Call, _ error: CallStoreError, line: Int = #line
  ) async throws {
    do {
      _ = try await store.update(call)
    } catch let caught {
      try requireEqual(caught, error, "error", line: line)
      return
    }
    throw ConformanceFailure(description: "The update was taken. (line \(line))")
  }
}

/// What a sink saw.
private final class SharedCalls: Sendable {
  private let seen = Mutex<[Call]>([])

  func append(_ call: Call) { seen.withLock { $0.append(call) } }
  var calls: [Call] { seen.withLock { $0 } }
}
