internal import Telephony

// Placing outbound calls.
extension CallDispatcher {
  /// Queues a call to each destination that may be called; one result per destination, in order.
  ///
  /// When it returns, the calls are written down and will each be dialled once at most. The same
  /// request id with the same body gives the same calls, as they are by then.
  ///
  /// Throws `tooManyWatchers`, and has placed nothing, when the carrier's acceptance cannot be
  /// waited for. Once the calls are written no failure to wait is thrown: who repeats a request
  /// without an id would have them dialled twice.
  package func placeCalls(_ request: PlaceRequest) async throws(DispatchError) -> [PlaceResult] {
    let violations = request.violations
    guard violations.isEmpty else { throw .invalid(violations) }
    if let known = try await knownResults(of: request) {
      return await wait(for: known, request)
    }
    guard !pump.isStopping else { throw .shuttingDown }
    let origin = try origin(of: request)
    let outcomes = try await outcomes(of: request, from: origin)
    let calls = outcomes.compactMap(\.call)
    let placement = Placement(
      request: record(of: request, outcomes), calls: calls,
      audit: audit(placing: calls, by: request.caller))
    // Before the calls are written, so that nothing of them is missed.
    let waits = request.waitFor == .carrierAccepted && !calls.isEmpty
    let subscription = waits ? feed.subscribe(.calls(ids(calls))) : nil
    guard !waits || subscription != nil else { throw .tooManyWatchers }
    defer { if let subscription { feed.unsubscribe(subscription) } }
    let result = try await mapped(nil) { () async throws(CallStoreError) in
      try await ports.store.place(placement)
    }
    switch result {
    case .placed(let written):
      auditPump.wake()
      var rest = written[...]
      let results = outcomes.map { outcome -> PlaceResult in
        guard outcome.call != nil, let call = rest.popFirst() else { return outcome }
        return .call(call)
      }
      return await wait(for: results, request, subscription: subscription)
    case .repeated(let known):
      // The same request came twice at once; the other was first.
      return await wait(for: try await results(of: known, request), request)
    }
  }

  // MARK: Repeats

  private func knownResults(
    of request: PlaceRequest
  ) async throws(DispatchError) -> [PlaceResult]? {
    guard let requestID = request.requestID else { return nil }
    let known = try await mapped(nil) { () async throws(CallStoreError) in
      try await ports.store.request(requestID, tenant: request.tenant)
    }
    guard let known else { return nil }
    return try await results(of: known, request)
  }

  private func results(
    of known: PlacedRequest, _ request: PlaceRequest
  ) async throws(DispatchError) -> [PlaceResult] {
    guard known.fingerprint == request.fingerprint else {
      throw .invalid([.init("request_id", "It was used before for a request with another body.")])
    }
    var results: [PlaceResult] = []
    for outcome in known.outcomes {
      switch outcome {
      case .refused(let error): results.append(.refused(error))
      case .call(let id):
        let call = try await mapped(id) { () async throws(CallStoreError) in
          try await ports.store.call(id)
        }
        guard let call else { throw .callNotFound(id) }
        results.append(.call(call))
      }
    }
    return results
  }

  private func record(of request: PlaceRequest, _ outcomes: [PlaceResult]) -> PlacedRequest? {
    request.requestID.map { requestID in
      PlacedRequest(
        tenant: request.tenant, requestID: requestID, fingerprint: request.fingerprint,
        outcomes: outcomes.map { outcome in
          switch outcome {
          case .call(let call): .call(call.id)
          case .refused(let error): .refused(error)
          }
        },
        createTime: now)
    }
  }

  // MARK: New calls

  /// Where the calls of one request come from.
  private struct Origin {
    var route: NumberRoute
    var provider: ProviderRoute
    var agent: AgentID
  }

  private func origin(of request: PlaceRequest) throws(DispatchError) -> Origin {
    guard routes.isReady else { throw .routesNotReady }
    guard let number = routes.number(request.from), number.route.tenant == request.tenant else {
      throw .numberNotFound(request.from)
    }
    guard !number.route.isSIP else { throw .numberNotReady(request.from, .dialledByGateway) }
    guard let provider = number.provider else {
      throw .numberNotReady(request.from, .providerMissing)
    }
    try requireServed(provider.region)
    guard number.route.placesOutbound else { throw .numberNotReady(request.from, .outboundOff) }
    guard let agent = request.agent ?? number.route.agent else {
      throw .agentMissing(request.from)
    }
    guard routes.agent(agent, tenant: request.tenant) != nil else { throw .agentNotFound(agent) }
    let probe = WebhookPath.call(
      CallID(region: provider.region, bits: 0), WebhookToken(bits: 0), .voice)
    guard configuration.publicURLs.url(of: probe, in: provider.region) != nil else {
      throw .publicURLMissing(provider.region)
    }
    return Origin(route: number.route, provider: provider, agent: agent)
  }

  private func outcomes(
    of request: PlaceRequest, from origin: Origin
  ) async throws(DispatchError) -> [PlaceResult] {
    var seen: Set<E164> = []
    var outcomes: [PlaceResult] = []
    let time = now
    for (index, destination) in request.destinations.enumerated() {
      // A microsecond apart, so that identifiers and dialling keep the order of the request.
      let order = time.advanced(by: .microseconds(index))
      do throws(DestinationError) {
        let to = try check(destination.to, from: origin)
        guard seen.insert(to).inserted else { throw .repeated }
        let call = newCall(request, to: to, destination.metadata, origin, at: time, order: order)
        outcomes.append(.call(call))
      } catch {
        outcomes.append(.refused(error))
      }
      if case .call(let call) = outcomes.last {
        let blocker = try await mapped(nil) { () async throws(CallStoreError) in
          try await ports.store.unresolvedAttempt(
            account: call.account, from: call.from, to: call.to)
        }
        // One that is merely being sent will be settled in a moment; the dial waits for it.
        if let blocker, try await isOutcomeUnknown(blocker) {
          outcomes[outcomes.count - 1] = .refused(.attemptUnresolved)
        }
      }
    }
    return outcomes
  }

  private func isOutcomeUnknown(_ id: CallID) async throws(DispatchError) -> Bool {
    let call = try await mapped(nil) { () async throws(CallStoreError) in
      try await ports.store.call(id)
    }
    return call?.outcomeUnknown ?? false
  }

  private func check(_ text: String, from origin: Origin) throws(DestinationError) -> E164 {
    guard let to = try? E164(text) else { throw .malformed }
    let assessment = ports.numberPlan.assess(to)
    // An emergency number is told as such even where it is no possible subscriber's number.
    if assessment.isEmergency { throw .emergency }
    if !assessment.isPossible { throw .impossible }
    if assessment.isPremium, !configuration.premiumAllowed { throw .premium }
    // +1 is more than the United States.
    if let country = origin.provider.onlyCountry, assessment.country != country {
      throw .otherCountry
    }
    if to == origin.route.e164 { throw .sameAsFrom }
    return to
  }

  private func newCall(
    _ request: PlaceRequest, to: E164, _ metadata: [String: String], _ origin: Origin,
    at time: Timestamp, order: Timestamp
  ) -> Call {
    var call = Call(
      id: CallID(region: origin.provider.region, at: order, random: AnyIDSource(ports.ids)),
      tenant: request.tenant, direction: .outbound, provider: origin.provider.id,
      account: origin.provider.account, number: origin.route.id,
      from: CallParty(origin.route.e164), to: CallParty(to), createTime: time)
    call.requestID = request.requestID
    call.agent = origin.agent
    call.metadata = metadata
    call.dial = Dial(
      ringingTimeoutSeconds: request.ringingTimeoutSeconds ?? Limits.ringingTimeoutSecondsDefault,
      timeLimitSeconds: request.timeLimitSeconds)
    call.work = PendingWork(.dial, due: time)
    return call
  }

  // MARK: Waiting

  private func ids(_ calls: [Call]) -> Set<CallID> { Set(calls.map(\.id)) }

  /// Returns at once for `queued`; else when every call is settled or lost, or the time is over.
  /// Cancellation ends the wait and not the calls. The results stay as they are when there is no
  /// place for a watcher or the store is away.
  private func wait(
    for results: [PlaceResult], _ request: PlaceRequest, subscription: Int? = nil
  ) async -> [PlaceResult] {
    let calls = results.compactMap(\.call)
    guard request.waitFor == .carrierAccepted, !calls.isEmpty else { return results }
    let own = subscription == nil ? feed.subscribe(.calls(ids(calls))) : nil
    defer { if let own { feed.unsubscribe(own) } }
    guard let subscription = subscription ?? own else { return results }
    // A stored request may name a call twice.
    let latest = Dictionary(calls.map { ($0.id, $0) }) { $0.version < $1.version ? $1 : $0 }
    let time = ports.time
    // A repeated request's calls may have changed between their reading and the subscription.
    let settled = own == nil ? latest : await reread(latest)
    let waited = await withTaskGroup(of: [CallID: Call]?.self) { group in
      group.addTask { await self.follow(settled, subscription) }
      group.addTask {
        try? await time.sleep(for: Limits.acceptanceWaitMax)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    let current: [CallID: Call]
    if let waited { current = waited } else { current = await reread(latest) }
    return results.map { result in
      result.call.flatMap { current[$0.id] }.map { .call($0) } ?? result
    }
  }

  /// Nil when it was cut short.
  private func follow(
    _ calls: [CallID: Call], _ subscription: Int
  ) async -> [CallID: Call]? {
    var calls = calls
    while calls.values.contains(where: \.isOnItsWay) {
      await feed.wait(subscription)
      if Task.isCancelled { return nil }
      switch feed.take(subscription) {
      case .calls(let changed):
        for call in changed where call.version > (calls[call.id]?.version ?? 0) {
          calls[call.id] = call
        }
      case .look:
        let read = await reread(calls.filter(\.value.isOnItsWay))
        calls.merge(read) { $0.version < $1.version ? $1 : $0 }
      case .overflowed, .shutDown: return nil
      }
    }
    return calls
  }

  /// The calls as they are now; those that the store does not tell stay as they were.
  private func reread(_ calls: [CallID: Call]) async -> [CallID: Call] {
    var current = calls
    do throws(CallStoreError) {
      for id in calls.keys {
        if let call = try await ports.store.call(id) { current[id] = call }
      }
    } catch {
      // The rest is not asked for: each would wait for the same store.
      return current
    }
    return current
  }
}

extension PlaceResult {
  package var call: Call? {
    switch self {
    case .call(let call): call
    case .refused: nil
    }
  }
}

extension Call {
  /// The carrier has neither taken nor refused it, and its answer is not known to be lost.
  fileprivate var isOnItsWay: Bool {
    guard !state.isTerminal else { return false }
    return dial?.phase == .intent || dial?.phase == .sending
  }
}
