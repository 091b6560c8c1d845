package import Access
internal import Telephony

/// Linking carrier accounts.
package struct Providers: Sendable {
  let context: RegistryContext

  package init(_ context: RegistryContext) {
    self.context = context
  }

  /// Links an account in a region after the carrier took its credentials.
  ///
  /// With `validateOnly` nothing is stored and the answer's id means nothing.
  package func create(
    _ request: CreateProvider, by caller: Caller
  ) async throws(RegistryError) -> Provider {
    let draft = try ProviderDraft(request)
    if let earlier = try await context.earlier(
      request.requestID, draft.body, tenant: caller.tenant)
    {
      return try await replay(earlier, draft.body, caller)
    }
    let twin = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).provider(
        account: draft.accountSID, region: draft.region)
    }
    if let twin { throw .providerExists(twin.provider.id) }
    for access in draft.credentials.all(account: draft.accountSID, region: draft.region) {
      try await context.probe(access)
    }
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
      let present = try await context.provider(id, tenant: caller.tenant).provider
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
      try await context.probe(try context.access(provider))
      provider.state = .active
      provider.conditions = [context.credentialsAccepted()]
      return provider
    case .candidate(let input):
      let draft = try ProviderDraft(CreateProvider(provider: input))
      for access in draft.credentials.all(account: draft.accountSID, region: draft.region) {
        try await context.probe(access)
      }
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
    let provider = try await context.provider(id, tenant: caller.tenant).provider
    let access = try context.access(provider)
    let listed: CarrierNumberPage
    do {
      listed = try await context.carrier.listNumbers(
        from: place.map { String(decoding: $0, as: UTF8.self) }, size: size, access)
    } catch {
      throw RegistryError(error)
    }
    let claims = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).claims(
        of: listed.numbers.map(\.sid), account: provider.accountSID)
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
    var twilio = TwilioConfiguration(accountSID: draft.accountSID, apiKey: nil, authToken: nil)
    if let key = draft.credentials.apiKey {
      let sealed = try context.seal(key.secret, .apiKeySecret(id), of: owner, under: &dataKey)
      twilio.apiKey = SealedAPIKey(sid: key.sid, secret: sealed)
    }
    if let token = draft.credentials.authToken {
      twilio.authToken = try context.seal(token, .authToken(id), of: owner, under: &dataKey)
    }
    return Provider(
      id: id, tenant: caller.tenant, displayName: draft.displayName, region: draft.region,
      configuration: .twilio(twilio), dataKey: dataKey,
      conditions: [context.credentialsAccepted()],
      labels: draft.labels, revision: Revision(createTime: now))
  }
}

/// A creation that was found good.
struct ProviderDraft: Sendable {
  let displayName: String
  let region: Region
  let accountSID: AccountSID
  let credentials: TwilioCredentials
  let labels: [String: String]
  let body: RequestBody

  init(_ request: CreateProvider) throws(RegistryError) {
    var validator = Validator()
    validator.requestID(request.requestID)
    guard let input = request.provider else {
      validator.refuse("provider", .required, "The provider is missing.")
      throw .invalidArgument(validator.violations)
    }
    validator.text(
      "provider.display_name", input.displayName, lengthMax: RegistryLimits.displayNameLengthMax)
    validator.labels("provider.labels", input.labels)
    let region = validator.region("provider.region", input.region)
    guard let twilio = input.twilio else {
      validator.refuse("provider.config", .required, "The configuration is missing: give twilio.")
      throw .invalidArgument(validator.violations)
    }
    let account = validator.id(
      "provider.twilio.account_sid", twilio.accountSID, as: AccountSID.self)
    self.credentials = TwilioCredentials(twilio, "provider.twilio", &validator)
    try validator.finish()
    guard let region, let account else {
      throw .internalError("A field was neither read nor refused.")
    }
    self.displayName = input.displayName
    self.region = region
    self.accountSID = account
    self.labels = input.labels
    var body = RequestBody("CreateProvider")
    body.add(input.displayName)
    body.add(region.rawValue)
    body.add(twilio.accountSID)
    body.add(twilio.apiKeySID)
    body.add(twilio.apiKeySecret)
    body.add(twilio.authToken)
    body.add(input.labels)
    body.add(request.validateOnly)
    self.body = body
  }
}
