package import Telephony

// What carriers call. Nothing here waits for the carrier.
extension CallDispatcher {
  /// Answers the voice webhook. The same webhook again gets the same answer and makes no second
  /// call.
  ///
  /// An inbound call is answered from memory while the store is away, and written later.
  ///
  /// Throws `webhookRefused` for what is not the carrier's (403), and `routesNotReady`,
  /// `storeUnavailable` or `credentials` when it can't be answered now: then the carrier goes on to
  /// its fallback URL.
  package func answerVoice(
    _ request: WebhookRequest, _ webhook: VoiceWebhook
  ) async throws(DispatchError) -> CallAnswer {
    switch request.path {
    case .number(let id, let token, .voice):
      try await answerInbound(request, webhook, number: id, token: token)
    case .call(let id, let token, .voice):
      try await answerOutbound(request, webhook, call: id, token: token)
    case .number(_, _, .status), .call(_, _, .status):
      throw .webhookRefused(.tokenUnknown)
    }
  }

  /// Takes a status callback. A late or repeated one changes nothing and succeeds (204), and so
  /// does one for an inbound call that was never ours to answer.
  ///
  /// Throws as `answerVoice`; the carrier then repeats the callback or not, and a look at the
  /// carrier makes up for it.
  package func acceptStatus(
    _ request: WebhookRequest, _ webhook: StatusWebhook
  ) async throws(DispatchError) {
    switch request.path {
    case .number(let id, let token, .status):
      do throws(DispatchError) {
        let (_, provider) = try authenticated(
          number: id, token: token, account: webhook.account, to: nil)
        try await authenticate(request, provider: provider, id: provider.id)
      } catch {
        guard error == .webhookRefused(.tokenUnknown), let number = routes.number(id)?.route,
          WebhookAuthentication.isNeighbour(token, of: number, tokens: ports.tokens),
          let call = try await inboundCall(webhook, on: id)
        else { throw error }
        try await authenticate(
          request, provider: routes.provider(call.provider), id: call.provider)
        return try await report(webhook, on: call.id)
      }
      guard let call = try await inboundCall(webhook, on: id) else { return }
      try await report(webhook, on: call.id)
    case .call(let id, let token, .status):
      _ = try await authenticated(request, call: id, token: token, account: webhook.account)
      try await report(webhook, on: id)
    case .number(_, _, .voice), .call(_, _, .voice):
      throw .webhookRefused(.tokenUnknown)
    }
  }

  /// What an inbound call to the number would get now, and why; the same code as for a live one.
  package func resolveRoute(
    number id: PhoneNumberID, from: CallParty, tenant: TenantID
  ) throws(DispatchError) -> InboundDecision {
    guard routes.isReady else { throw .routesNotReady }
    guard let number = routes.number(id), number.route.tenant == tenant,
      let provider = number.provider
    else { throw .numberNotFound(id) }
    let facts = CallFacts(
      id: CallID(region: provider.region, bits: 0), direction: .inbound, number: id, from: from,
      to: CallParty(number.route.e164), metadata: [:])
    return Routing.inbound(to: number, in: provider.region, facts: facts)
  }

  /// The call that a status callback of the number is about; nil when it was never ours.
  private func inboundCall(
    _ webhook: StatusWebhook, on number: PhoneNumberID
  ) async throws(DispatchError) -> Call? {
    let call = try await mapped(nil) { () async throws(CallStoreError) in
      try await ports.store.call(account: webhook.account, carrierCallID: webhook.carrierCallID)
    }
    guard let call else { return nil }
    guard call.number == number, call.direction == .inbound else {
      throw .webhookRefused(.subjectMismatch)
    }
    return call
  }

  // MARK: Answering

  private func answerInbound(
    _ request: WebhookRequest, _ webhook: VoiceWebhook, number id: PhoneNumberID,
    token: WebhookToken
  ) async throws(DispatchError) -> CallAnswer {
    let (number, provider) = try authenticated(
      number: id, token: token, account: webhook.account, to: webhook.to)
    try await authenticate(request, provider: provider, id: provider.id)
    let new = inboundCall(webhook, number: number, provider: provider)
    switch try await createInbound(new) {
    case .created(let call): return givenAnswer(of: call) ?? .reject(.busy)
    case .existed(let call):
      guard call.number == id, call.direction == .inbound else {
        throw .webhookRefused(.subjectMismatch)
      }
      return givenAnswer(of: call) ?? .reject(.busy)
    }
  }

  /// The call as it is when it is answered: one write makes it.
  private func inboundCall(
    _ webhook: VoiceWebhook, number: ResolvedNumber, provider: ProviderRoute
  ) -> Call {
    let time = now
    var call = Call(
      id: CallID(region: provider.region, at: time, random: AnyIDSource(ports.ids)),
      tenant: number.route.tenant, direction: .inbound, provider: provider.id,
      account: provider.account, number: number.route.id, from: CallParty(webhook.from),
      to: CallParty(webhook.to), createTime: time)
    call.carrierCallID = webhook.carrierCallID
    call.state = .ringing
    call.ringTime = time
    let facts = CallFacts(
      id: call.id, direction: .inbound, number: call.number, from: call.from, to: call.to,
      metadata: [:])
    let decision = Routing.inbound(to: number, in: provider.region, facts: facts)
    call.agent = decision.agent
    var machine = CallStateMachine(call)
    machine.answered(decision.answer, at: time)
    if WebhookAuthentication.requirement(of: provider) == .token {
      machine.verificationNeeded(at: time)
    }
    return machine.call
  }

  private func answerOutbound(
    _ request: WebhookRequest, _ webhook: VoiceWebhook, call id: CallID, token: WebhookToken
  ) async throws(DispatchError) -> CallAnswer {
    let call = try await authenticated(request, call: id, token: token, account: webhook.account)
    let answer = outboundAnswer(for: call)
    let report = StatusWebhook(
      account: webhook.account, carrierCallID: webhook.carrierCallID, status: .inProgress)
    let time = now
    let (changed, result) = try await mapped(id) { () async throws(CallStoreError) in
      try await change(id) { machine in
        let result = machine.reported(report, at: time)
        if result != .foreign {
          machine.answered(machine.call.hangUpRequested ? .hangUp : answer, at: time)
        }
        return result
      }
    }
    guard result != .foreign else { throw .webhookRefused(.subjectMismatch) }
    return givenAnswer(of: changed) ?? .hangUp
  }

  /// What the call was answered, with its agent's password of now.
  private func givenAnswer(of call: Call) -> CallAnswer? {
    call.answer?.withPassword(
      of: call.agent.flatMap { routes.agent($0, tenant: call.tenant) })
  }

  private func outboundAnswer(for call: Call) -> CallAnswer {
    guard let id = call.agent, let agent = routes.agent(id, tenant: call.tenant) else {
      return .hangUp
    }
    let facts = CallFacts(
      id: call.id, direction: .outbound, number: call.number, from: call.from, to: call.to,
      metadata: call.metadata)
    return Routing.connection(to: agent, in: call.region, facts: facts).map { .connect($0) }
      ?? .hangUp
  }

  private func report(_ webhook: StatusWebhook, on id: CallID) async throws(DispatchError) {
    let time = now
    let (_, result) = try await mapped(id) { () async throws(CallStoreError) in
      try await change(id) { machine in machine.reported(webhook, at: time) }
    }
    guard result != .foreign else { throw .webhookRefused(.subjectMismatch) }
  }

  // MARK: Authentication

  private func authenticated(
    number id: PhoneNumberID, token: WebhookToken, account: AccountSID, to: String?
  ) throws(DispatchError) -> (ResolvedNumber, ProviderRoute) {
    let number = routes.number(id)
    let sender = WebhookAuthentication.sender(
      to: number, token: token, account: account, to: to, tokens: ports.tokens)
    switch sender {
    case .provider(let provider):
      guard let number else { throw .webhookRefused(.tokenUnknown) }
      return (number, provider)
    case .refused(let refusal):
      // A number that has not come yet is not a stranger.
      guard refusal != .tokenUnknown || routes.isReady else { throw .routesNotReady }
      throw .webhookRefused(refusal)
    }
  }

  private func authenticated(
    _ request: WebhookRequest, call id: CallID, token: WebhookToken, account: AccountSID
  ) async throws(DispatchError) -> Call {
    // The token first: a stranger must not make us read.
    guard ports.tokens.accepts(token, forCall: id) else {
      throw .webhookRefused(.tokenUnknown)
    }
    let call = try await mapped(id) { () async throws(CallStoreError) in
      try await ports.store.call(id)
    }
    if let refusal = WebhookAuthentication.refusal(
      call: call, token: token, account: account, tokens: ports.tokens)
    {
      throw .webhookRefused(refusal)
    }
    guard let call else { throw .webhookRefused(.tokenUnknown) }
    try await authenticate(request, provider: routes.provider(call.provider), id: call.provider)
    return call
  }

  /// Checks the signature where one is required. A provider that is not known here requires one if
  /// its credentials say so.
  private func authenticate(
    _ request: WebhookRequest, provider: ProviderRoute?, id: ProviderID
  ) async throws(DispatchError) {
    if let provider, WebhookAuthentication.requirement(of: provider) == .token { return }
    let lease: CredentialLease
    do throws(CredentialError) {
      lease = try await ports.credentials.lease(id)
    } catch {
      throw .credentials(id, error)
    }
    let time = now
    let tokens = lease.signingTokens(at: time)
    if provider == nil, tokens.isEmpty { return }
    guard
      let refusal = WebhookAuthentication.refusal(
        signatureOf: request, signingTokens: tokens, signer: ports.signer)
    else { return }
    // The carrier makes the staged token the current one when it likes.
    guard let staged = lease.staged, let token = staged.signingToken,
      WebhookAuthentication.refusal(
        signatureOf: request, signingTokens: [token], signer: ports.signer) == nil
    else { throw .webhookRefused(refusal) }
    ports.uses.signed(id, staged.mark, at: time)
  }
}

/// The identifiers' initialisers take `some IDSource`; this opens the existential for them.
struct AnyIDSource: IDSource {
  private let base: any IDSource

  init(_ base: any IDSource) {
    self.base = base
  }

  func randomBits() -> UInt64 { base.randomBits() }
}
