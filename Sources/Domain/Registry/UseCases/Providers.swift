package import Access
internal import Telephony

/// Linking carrier accounts.
package struct Providers: Sendable {
  let context: RegistryContext

  package init(_ context: RegistryContext) {
    self.context = context
  }

  /// Links an account in a region after the carrier took its credentials; those of a SIP trunk are
  /// told by calls alone.
  ///
  /// With `validateOnly` nothing is stored and the answer's id means nothing.
  package func create(
    _ request: CreateProvider, by caller: Caller
  ) async throws(RegistryError) -> Provider {
    let draft = try ProviderDraft(request, allowsPlain: context.allowsPlainGateways)
    if let earlier = try await context.earlier(
      request.requestID, draft.body, tenant: caller.tenant)
    {
      return try await replay(earlier, draft.body, caller)
    }
    if let key = draft.key {
      let twin = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).provider(key: key, region: draft.region)
      }
      if let twin { throw .providerExists(twin.provider.id) }
    }
    try await context.tryOut(draft, caller.tenant)
    let provider = try make(draft, caller)
    if request.validateOnly { return provider }
    let record = try context.request(
      request.requestID, draft.body, resource: provider.id.description, tenant: caller.tenant)
    do {
      try await context.commit(
        by: caller, request: record, [.insertProvider(provider)],
        audit: AuditDraft(.create, from: nil, to: provider))
      return provider
    } catch .requestRepeated(let earlier) {
      return try await replay(earlier, draft.body, caller)
    } catch .notFound(.provider) {
      throw draft.gatewayID.map { .notFound(.provider($0)) } ?? .internalError("no gateway")
    } catch {
      throw RegistryError(error)
    }
  }

  package func get(_ id: String, by caller: Caller) async throws(RegistryError) -> Provider {
    var validator = Validator()
    let id = validator.id("id", id, as: ProviderID.self)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    return try await context.provider(id, tenant: caller.tenant).provider
  }

  /// Newest first.
  package func list(
    _ request: ListProviders, by caller: Caller
  ) async throws(RegistryError) -> Page<Provider> {
    var validator = Validator()
    let filter = ProviderFilter(
      kind: validator.optional("type", request.kind),
      accountSID: validator.optionalID(
        "account_sid", request.accountSID, as: AccountSID.self),
      region: validator.optional("region", request.region))
    let plan = PagePlan(request.page, query: "providers \(filter)", &validator)
    try validator.finish()
    let read = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).providers(
        filter, after: plan.cursor, limit: plan.size + 1)
    }
    return plan.page(read) {
      PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
    }
  }

  /// Unlinks an account and forgets its credentials; refused while it has numbers.
  package func delete(
    _ id: String, etag: String = "", by caller: Caller
  ) async throws(RegistryError) {
    var validator = Validator()
    let id = validator.id("id", id, as: ProviderID.self)
    validator.etag("etag", etag)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let present = try await context.ownProvider(id, tenant: caller.tenant).provider
      try checkEtag(etag, present.etag, .provider(id))
      // A move that begins at this moment finds no provider, and is undone.
      if let number = try await context.numbersOnTheWay(to: id, tenant: caller.tenant).first {
        throw .providerAwaited(id, number)
      }
      do {
        return try await context.commit(
          by: caller, [.deleteProvider(id, from: present.revision.version)],
          audit: AuditDraft(.delete, from: present, to: nil))
      } catch .providerHasNumbers(let count) {
        throw .providerInUse(id, numberCount: count)
      } catch .gatewayHasUsers(let providers, let numbers) {
        throw .gatewayInUse(id, providerCount: providers, numberCount: numbers)
      } catch .versionMismatch, .notFound {
        continue
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.provider(id))
  }

  /// Tries credentials at the carrier and saves nothing.
  package func validate(
    _ request: ValidateProvider, by caller: Caller
  ) async throws(RegistryError) -> Provider {
    switch request {
    case .unset:
      throw .invalidArgument([
        FieldViolation("target", .required, "Give the id of a provider, or credentials to try.")
      ])
    case .stored(let id):
      var provider = try await get(id, by: caller)
      if provider.isPlatform { throw .platformProvider(provider.id) }
      switch provider.configuration {
      case .twilio: try await context.probe(try context.access(provider))
      case .liveKit: try await context.probe(gateway: try context.gatewayAccess(provider))
      case .sipTrunk(let trunk):
        try await context.checkGateway(trunk.gatewayID, caller.tenant)
        return provider
      }
      provider.state = .active
      provider.conditions = [context.credentialsAccepted()]
      return provider
    case .candidate(let input):
      let draft = try ProviderDraft(
        CreateProvider(provider: input), allowsPlain: context.allowsPlainGateways)
      try await context.tryOut(draft, caller.tenant)
      return try make(draft, caller)
    }
  }

  /// The numbers of the account at the carrier, in the carrier's order, and which the tenant has.
  package func listNumbers(
    providerID: String, page: PageRequest, by caller: Caller
  ) async throws(RegistryError) -> Page<ProviderNumber> {
    var validator = Validator()
    let id = validator.id("provider_id", providerID, as: ProviderID.self)
    let size = PagePlan.size(page.size, &validator)
    let query = "numbers of \(providerID)"
    let place = PageToken.place(in: page.token, query: query, &validator)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    let provider = try await context.ownProvider(id, tenant: caller.tenant).provider
    let access = try context.access(provider)
    let account = access.accountSID
    let listed: CarrierNumberPage
    do {
      listed = try await context.carrier.listNumbers(
        from: place.map { String(decoding: $0, as: UTF8.self) }, size: size, access)
    } catch {
      throw RegistryError(error)
    }
    let claims = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).claims(
        of: listed.numbers.map(\.sid), account: account)
    }
    var mine: [CarrierNumberSID: PhoneNumberID] = [:]
    for claim in claims where claim.tenant == caller.tenant {
      mine[claim.carrierSID] = claim.numberID
    }
    let token = listed.next.map { PageToken(query: query, place: Array($0.utf8)).text }
    return Page(
      elements: listed.numbers.map { ProviderNumber(number: $0, importedAs: mine[$0.sid]) },
      nextToken: token ?? "")
  }

  // MARK: -

  /// The provider that an earlier request of the same id made.
  func replay(
    _ record: RequestRecord, _ body: RequestBody, _ caller: Caller
  ) async throws(RegistryError) -> Provider {
    try context.checkSame(record, body)
    guard let id = try? ProviderID(record.resourceID) else {
      throw .internalError("A request's resource is no provider.")
    }
    return try await context.provider(id, tenant: caller.tenant).provider
  }

  /// A provider that is not stored yet.
  func make(
    _ draft: ProviderDraft, _ caller: Caller
  ) throws(RegistryError) -> Provider {
    let now = context.time.now()
    let id = ProviderID(at: now, random: context.ids)
    let owner = SecretOwner.provider(id, caller.tenant)
    var dataKey: SealedDataKey?
    let configuration = try context.sealed(draft.configuration, of: id, owner, under: &dataKey)
    return Provider(
      id: id, tenant: caller.tenant, displayName: draft.displayName, region: draft.region,
      configuration: configuration, dataKey: dataKey,
      conditions: draft.isTried ? [context.credentialsAccepted()] : [],
      labels: draft.labels, revision: Revision(createTime: now))
  }
}
