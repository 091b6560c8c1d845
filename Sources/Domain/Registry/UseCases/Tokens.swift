package import Access
package import Telephony

/// Making and revoking API tokens.
package struct Tokens: Sendable {
  /// A token that was made. Its text is shown to whoever asked for it, and kept by nobody.
  package struct Made: Sendable {
    package let token: APIToken
    /// nil when the request was a repetition: the text is not known any more.
    package let text: TokenText?
  }

  private let context: RegistryContext
  private let directory: TokenDirectory
  private let hasher: any TokenHasher

  /// `directory` is this process's: what is made or revoked here is so at once.
  package init(
    _ context: RegistryContext, directory: TokenDirectory, hasher: any TokenHasher
  ) {
    self.context = context
    self.directory = directory
    self.hasher = hasher
  }

  /// Makes a token with no more than its maker may do.
  package func create(
    _ request: CreateToken, by caller: Caller
  ) async throws(RegistryError) -> Made {
    let (scopes, expireTime) = try check(request, caller)
    var body = RequestBody("CreateToken")
    body.add(request.displayName)
    body.add("\(scopes)")
    body.add(expireTime?.description ?? "")
    body.add(request.tenantID)
    let caller = try owner(request, body, caller)
    if let earlier = try await context.earlier(request.requestID, body, tenant: caller.tenant) {
      return try await replay(earlier, body, caller)
    }
    try await checkUnknown(request, owner: caller)
    try await checkExpiry(expireTime, of: caller.principal)
    let now = context.time.now()
    let text = TokenText(id: APITokenID(at: now, random: context.ids), random: context.ids)
    let token = APIToken(
      id: text.id, tenant: caller.tenant, displayName: request.displayName, scopes: scopes,
      hash: hasher.hash(text.secret), createTime: now, expireTime: expireTime,
      creator: caller.principal)
    let record = try context.request(
      request.requestID, body, resource: token.id.description, tenant: caller.tenant)
    var changes: [RegistryChange] = [.insertToken(token)]
    if request.tenantID == CreateToken.newTenant {
      let tenant = Tenant(
        id: caller.tenant, displayName: request.displayName, createTime: now)
      changes.insert(.insertTenant(tenant), at: 0)
    }
    do {
      try await context.commit(
        by: caller, request: record, changes,
        audit: AuditDraft(.create, from: nil, to: token))
    } catch .requestRepeated(let earlier) {
      return try await replay(earlier, body, caller)
    } catch {
      throw RegistryError(error)
    }
    if let grant = token.grant { directory.put(grant) }
    return Made(token: token, text: text)
  }

  /// Newest first, the revoked and expired ones among them.
  package func list(
    _ page: PageRequest, of tenant: String, by caller: Caller
  ) async throws(RegistryError) -> Page<APIToken> {
    var validator = Validator()
    let plan = PagePlan(page, query: "tokens \(tenant)", &validator)
    let id = validator.optionalID("tenant_id", tenant, as: TenantID.self)
    try validator.finish()
    let caller = try Self.acting(caller, for: id)
    let read = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).tokens(
        after: plan.cursor, limit: plan.size + 1)
    }
    return plan.page(read) { PageCursor(createTime: $0.createTime, id: $0.id.description) }
  }

  /// Ends a token for good; one that is revoked stays as it is.
  package func revoke(
    _ id: String, of tenant: String, by caller: Caller
  ) async throws(RegistryError) -> APIToken {
    var validator = Validator()
    let id = validator.id("id", id, as: APITokenID.self)
    let owner = validator.optionalID("tenant_id", tenant, as: TenantID.self)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    let caller = try Self.acting(caller, for: owner)
    let present = try await read(id, caller)
    guard present.revokeTime == nil else { return present }
    var revoked = present
    revoked.revokeTime = context.time.now()
    do {
      try await context.commit(
        by: caller, [.revokeToken(id, at: revoked.revokeTime ?? context.time.now())],
        audit: AuditDraft(.revoke, from: present, to: revoked))
    } catch {
      throw RegistryError(error)
    }
    directory.remove(id)
    return try await read(id, caller)
  }

  // MARK: For the program

  /// The first tenant's newest token; nil when there is none at all: this is the deployment's first
  /// start.
  package func newest() async throws(RegistryError) -> APITokenID? {
    try await reading { () async throws(StoreError) in
      try await context.store(of: .main).tokens(after: nil, limit: 1)
    }.first?.id
  }

  /// Whether `text` makes its holder an administrator of the first tenant now.
  package func isAdministrator(_ text: TokenText) async throws(RegistryError) -> Bool {
    let grant: TokenGrant? = try await reading { () async throws(StoreError) in
      try await self.grant(text.id)
    }
    guard let grant, grant.tenant == .main, grant.scopes.contains(Scopes(.admin)) else {
      return false
    }
    return !grant.isExpired(at: context.time.now()) && grant.hash.matches(hasher.hash(text.secret))
  }

  /// A text for ``makeAdministrator(_:after:)``, so that it can be put somewhere before it
  /// counts.
  package func makeText() -> TokenText {
    TokenText(
      id: APITokenID(at: context.time.now(), random: context.ids), random: context.ids)
  }

  /// Makes an administrator of the first tenant out of `text`. One that is not the first is for an
  /// emergency, beyond the tenant's quota, and ends by itself.
  ///
  /// - Parameter newest: what ``newest()`` answered before. Of several processes that start at
  ///   once, and were answered the same, only one makes a token; false for the others.
  package func makeAdministrator(
    _ text: TokenText, after newest: APITokenID?
  ) async throws(RegistryError) -> Bool {
    let isFirst = newest == nil
    let now = context.time.now()
    let token = APIToken(
      id: text.id, tenant: .main, displayName: isFirst ? "first administrator" : "administrator",
      scopes: Scopes(.admin), hash: hasher.hash(text.secret), createTime: now,
      expireTime: isFirst ? nil : now.advanced(by: AccessLimits.extraAdministratorLifetime),
      creator: .system)
    // No client's request id has a space.
    let record = try context.request(
      newest.map { "administrator after \($0)" } ?? "first administrator",
      RequestBody("FirstAdministrator"), resource: token.id.description, tenant: .main)
    do {
      try await context.commit(
        by: .system(for: .main), request: record, [.insertToken(token)],
        audit: AuditDraft(.create, from: nil, to: token))
    } catch .requestRepeated {
      return false
    } catch {
      throw RegistryError(error)
    }
    if let grant = token.grant { directory.put(grant) }
    return true
  }

  /// What authenticates with a token of whatever tenant; nil when nothing does.
  package func grant(_ id: APITokenID) async throws(StoreError) -> TokenGrant? {
    try await context.deployment.token(id)?.grant
  }

  /// Notes that a token was used.
  package func noteUse(
    of id: APITokenID, tenant: TenantID, at time: Timestamp
  ) async throws(StoreError) {
    try await context.store(of: tenant).tokenUsed(id, at: time)
  }

  // MARK: -

  /// The scopes and the expiry of a request that is found good.
  private func check(
    _ request: CreateToken, _ caller: Caller
  ) throws(RegistryError) -> (Scopes, Timestamp?) {
    var validator = Validator()
    validator.requestID(request.requestID)
    validator.text(
      "display_name", request.displayName, lengthMax: AccessLimits.displayNameLengthMax)
    var scopes: [Scope] = []
    for (index, name) in request.scopes.prefix(Scope.allCases.count).enumerated() {
      if let scope = Scope(rawValue: name) {
        scopes.append(scope)
      } else {
        validator.refuse(
          "scopes[\(index)]", .unknown,
          "There is no such scope. There are "
            + Scope.allCases.map(\.rawValue).joined(separator: ", ") + ".")
      }
    }
    if request.scopes.isEmpty {
      validator.refuse("scopes", .required, "Give at least one scope.")
    } else if request.scopes.count > Scope.allCases.count {
      validator.refuse(
        "scopes", .tooMany, "There are only \(Scope.allCases.count) scopes. Name each once.")
    }
    if let time = request.expireTime, time <= context.time.now() {
      validator.refuse("expire_time", .outOfRange, "The time is over. Give one in the future.")
    }
    try validator.finish()
    for scope in scopes where !caller.may(scope) && !(scope == .dispatch && caller.isOperator) {
      throw .scopeNotHeld(scope)
    }
    if scopes.contains(.dispatch), !request.tenantID.isEmpty, request.tenantID != "\(TenantID.main)"
    {
      throw .invalidArgument([
        FieldViolation(
          "scopes", .conflicting,
          "The scope dispatch shows all tenants' routes. Make such a token in the first tenant.")
      ])
    }
    return (Scopes(scopes), request.expireTime)
  }

  /// Refuses a new tenant whose request was made so long ago that it is forgotten: the tenant is
  /// there, and this would be one more administrator of it.
  private func checkUnknown(
    _ request: CreateToken, owner: Caller
  ) async throws(RegistryError) {
    guard request.tenantID == CreateToken.newTenant, !request.requestID.isEmpty else { return }
    let known = try await reading { () async throws(StoreError) in
      try await context.store(of: owner.tenant).record()
    }
    guard let known else { return }
    throw .invalidArgument([
      FieldViolation(
        "request_id", .requestIDReused,
        "This request made the tenant \(known.id) long ago. Take a new id for another tenant.")
    ])
  }

  /// Refuses a token that would outlive the one that makes it.
  private func checkExpiry(
    _ time: Timestamp?, of maker: Principal
  ) async throws(RegistryError) {
    guard case .token(let id) = maker else { return }
    var grant = directory.grant(id)
    if grant == nil {
      grant = try await reading { () async throws(StoreError) in try await self.grant(id) }
    }
    guard let last = grant?.expireTime else { return }
    guard let time, time <= last else {
      throw .invalidArgument([
        FieldViolation(
          "expire_time", .outOfRange,
          "The token that makes this one ends at \(last.rfc3339). Give no later time.")
      ])
    }
  }

  /// The caller on behalf of the tenant that shall own the token. A tenant that is made for a
  /// request with an id is the same one when the request comes again.
  private func owner(
    _ request: CreateToken, _ body: RequestBody, _ caller: Caller
  ) throws(RegistryError) -> Caller {
    if request.tenantID == CreateToken.newTenant {
      guard caller.isOperator else { throw .notFound(.tenant(request.tenantID)) }
      guard !request.requestID.isEmpty else {
        return caller.acting(for: TenantID(at: context.time.now(), random: context.ids))
      }
      var seed = RequestBody("NewTenant")
      seed.add("\(caller.tenant)")
      seed.add(request.requestID)
      let bits = try context.fingerprint(seed).prefix(16).reduce(UInt128(0)) {
        $0 << 8 | UInt128($1)
      }
      return caller.acting(for: TenantID(bits: bits))
    }
    var validator = Validator()
    let id = validator.optionalID("tenant_id", request.tenantID, as: TenantID.self)
    try validator.finish()
    return try Self.acting(caller, for: id)
  }

  /// The caller on behalf of a tenant that was named: the operator's right.
  private static func acting(
    _ caller: Caller, for tenant: TenantID?
  ) throws(RegistryError) -> Caller {
    guard let tenant, tenant != caller.tenant else { return caller }
    guard caller.isOperator else { throw .notFound(.tenant("\(tenant)")) }
    return caller.acting(for: tenant)
  }

  private func read(_ id: APITokenID, _ caller: Caller) async throws(RegistryError) -> APIToken {
    let found = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).token(id)
    }
    guard let found else { throw .notFound(.token(id)) }
    return found
  }

  private func replay(
    _ record: RequestRecord, _ body: RequestBody, _ caller: Caller
  ) async throws(RegistryError) -> Made {
    try context.checkSame(record, body)
    guard let id = try? APITokenID(record.resourceID) else {
      throw .internalError("A request's resource is no token.")
    }
    return Made(token: try await read(id, caller), text: nil)
  }
}
