package import Access
package import Telephony

// A second set of credentials: staged, seen to work, put in the place of the first, and back.
//
//     current ──stage──▶ current + staged ──promote──▶ current + previous ──window over──▶ current
//                            │ rollback: staged goes      │ rollback: previous is current again,
//                            ▼                            ▼ and what it replaces is staged
//                         current                      current + staged

extension Providers {
  /// Stores credentials beside the current ones, once the carrier took them on every number.
  package func stage(
    _ request: StageCredential, by caller: Caller
  ) async throws(RegistryError) -> Provider {
    let draft = try CredentialDraft(request)
    if let earlier = try await context.earlier(
      request.requestID, draft.body, tenant: caller.tenant)
    {
      return try await replay(earlier, draft.body, caller)
    }
    let record = try context.request(
      request.requestID, draft.body, resource: draft.providerID.description,
      tenant: caller.tenant)
    for _ in 0..<RegistryLimits.keyTrialRoundsMax {
      let stored = try await context.ownProvider(draft.providerID, tenant: caller.tenant)
      let present = stored.provider
      try checkEtag(request.etag, present.etag, .provider(present.id))
      try draft.check(present)
      if present.staged != nil { throw .credentialStaged(present.id) }
      if let previous = present.previous, context.time.now() < previous.expireTime {
        throw .credentialReplaced(present.id, until: previous.expireTime)
      }
      try await tryOut(draft.credentials, of: present)
      let next = try context.staging(draft.credentials, in: present)
      if request.validateOnly { return next }
      do {
        try await context.commit(
          by: caller, request: record,
          [
            .updateProvider(
              next, from: present.revision.version, numbersRevision: stored.numbersRevision)
          ], audit: AuditDraft(.update, from: present, to: next))
        return next
      } catch .requestRepeated(let earlier) {
        return try await replay(earlier, draft.body, caller)
      } catch .versionMismatch, .notFound {
        continue
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.provider(draft.providerID))
  }

  /// Forgets the staged credentials; where there are none, puts the previous ones back once the
  /// carrier took them on every number, and stages what they replace.
  package func rollBack(
    _ request: SwitchCredential, by caller: Caller
  ) async throws(RegistryError) -> Provider {
    let id = try request.checked()
    return try await switching(id, request.etag, caller) {
      (present) async throws(RegistryError) in
      if present.staged != nil {
        var next = present
        next.staged = nil
        next.revision = present.revision.next(at: context.time.now())
        return (next, .update)
      }
      guard let previous = present.previous, context.time.now() < previous.expireTime else {
        throw .credentialNotStaged(id)
      }
      try await tryOut(try context.opened(previous, of: present), of: present)
      return (try context.puttingBack(previous, in: present), .rotate)
    }
  }

  /// What live traffic made of staged credentials, as a dispatch tells it. Those that are not
  /// staged any more are fine.
  package func noteUse(
    of id: ProviderID, mark: Version, _ use: CredentialUse
  ) async throws(StoreError) {
    guard let provider = try await context.deployment.provider(id) else { return }
    try await context.store(of: provider.tenant).credentialUsed(id, mark: mark, use)
  }

  /// Writes what `change` makes of the provider; begins again when others were faster, or when
  /// numbers came that were not tried.
  private func switching(
    _ id: ProviderID, _ etag: String, _ caller: Caller,
    _ change: (Provider) async throws(RegistryError) -> (Provider, AuditAction)
  ) async throws(RegistryError) -> Provider {
    for _ in 0..<RegistryLimits.keyTrialRoundsMax {
      let stored = try await context.ownProvider(id, tenant: caller.tenant)
      let present = stored.provider
      try checkEtag(etag, present.etag, .provider(id))
      let (next, action) = try await change(present)
      do {
        try await context.commit(
          by: caller,
          [
            .updateProvider(
              next, from: present.revision.version, numbersRevision: stored.numbersRevision)
          ], audit: AuditDraft(action, from: present, to: next))
        context.windows.note(next)
        return next
      } catch .versionMismatch, .notFound {
        continue
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.provider(id))
  }

  /// Tries each way to authenticate, and every number with what requests would use; throws those
  /// that they don't reach.
  private func tryOut(
    _ credentials: TwilioCredentials, of provider: Provider
  ) async throws(RegistryError) {
    let unreachable = try await unreachable(by: credentials, of: provider, TrialCount())
    guard unreachable.total > 0 else { return }
    throw .numbersUnreachable(
      Array(unreachable.numbers.prefix(RegistryLimits.unreachableNumbersMax)),
      total: unreachable.total, of: nil)
  }

  /// Tries each way to authenticate, and every number with what requests would use.
  func unreachable(
    by credentials: TwilioCredentials, of provider: Provider, _ count: TrialCount
  ) async throws(RegistryError) -> UnreachableNumbers {
    let account = try context.account(of: provider)
    return try await context.trials.run(provider.id) { () async throws(RegistryError) in
      for access in credentials.all(account: account, region: provider.region) {
        try await context.probe(access)
      }
      guard let used = credentials.ofRequests(beside: provider) else {
        return UnreachableNumbers()
      }
      return try await unreachableNumbers(
        of: provider,
        CarrierAccess(accountSID: account, region: provider.region, credentials: used), count)
    }
  }
}

extension TwilioCredentials {
  /// What requests use once these are the current ones; nil when that stays the present key.
  fileprivate func ofRequests(beside provider: Provider) -> CarrierCredentials? {
    if let apiKey { return .apiKey(sid: apiKey.sid, secret: apiKey.secret) }
    guard case .twilio(let twilio) = provider.configuration, twilio.apiKey == nil else {
      return nil
    }
    return authToken.map { .authToken($0) }
  }
}

// MARK: - From one form to the next

extension RegistryContext {
  func opened(
    _ staged: StagedCredential, of provider: Provider
  ) throws(RegistryError) -> TwilioCredentials {
    try opened(
      staged.apiKey, .stagedAPIKeySecret(provider.id), staged.authToken,
      .stagedAuthToken(provider.id), of: provider)
  }

  func opened(
    _ previous: PreviousCredential, of provider: Provider
  ) throws(RegistryError) -> TwilioCredentials {
    try opened(
      previous.apiKey, .previousAPIKeySecret(provider.id), previous.authToken,
      .previousAuthToken(provider.id), of: provider)
  }

  private func current(_ provider: Provider) throws(RegistryError) -> TwilioCredentials {
    guard let twilio = provider.twilio else {
      throw .providerUnsuited(provider.id, provider.kind)
    }
    return try opened(
      twilio.apiKey, .apiKeySecret(provider.id), twilio.authToken, .authToken(provider.id),
      of: provider)
  }

  private func opened(
    _ key: SealedAPIKey?, _ keyField: CredentialField, _ token: SealedSecret?,
    _ tokenField: CredentialField, of provider: Provider
  ) throws(RegistryError) -> TwilioCredentials {
    do throws(SealingError) {
      var credentials = TwilioCredentials()
      if let key {
        let secret = try sealer.open(
          key.secret, keyField, of: provider.secretOwner, with: provider.dataKey)
        credentials.apiKey = (key.sid, secret)
      }
      credentials.authToken = try token.map { (token) throws(SealingError) in
        try sealer.open(token, tokenField, of: provider.secretOwner, with: provider.dataKey)
      }
      return credentials
    } catch {
      throw RegistryError(error)
    }
  }

  /// Sealed as what they are to be.
  private func sealed(
    _ credentials: TwilioCredentials, _ keyField: CredentialField, _ tokenField: CredentialField,
    in provider: inout Provider
  ) throws(RegistryError) -> (apiKey: SealedAPIKey?, authToken: SealedSecret?) {
    var key: SealedAPIKey?
    if let apiKey = credentials.apiKey {
      key = SealedAPIKey(
        sid: apiKey.sid,
        secret: try seal(
          apiKey.secret, keyField, of: provider.secretOwner, under: &provider.dataKey))
    }
    var token: SealedSecret?
    if let authToken = credentials.authToken {
      token = try seal(
        authToken, tokenField, of: provider.secretOwner, under: &provider.dataKey)
    }
    return (key, token)
  }

  /// With these staged, unproven, as the next version.
  fileprivate func staging(
    _ credentials: TwilioCredentials, in present: Provider
  ) throws(RegistryError) -> Provider {
    var next = present
    let now = time.now()
    next.revision = present.revision.next(at: now)
    next.previous = nil
    let sealed = try sealed(
      credentials, .stagedAPIKeySecret(present.id), .stagedAuthToken(present.id), in: &next)
    next.staged = StagedCredential(
      mark: next.revision.version, apiKey: sealed.apiKey, authToken: sealed.authToken,
      stageTime: now)
    return next
  }

  /// With what is staged as the current ones, and the current ones as the previous.
  func promoting(_ present: Provider) throws(RegistryError) -> Provider {
    guard let staged = present.staged, case .twilio(var twilio) = present.configuration else {
      throw .internalError("Nothing is staged that could be promoted.")
    }
    var next = present
    let now = time.now()
    let former = try sealed(
      try current(present), .previousAPIKeySecret(present.id), .previousAuthToken(present.id),
      in: &next)
    next.previous = PreviousCredential(
      apiKey: former.apiKey, authToken: former.authToken, replaceTime: now,
      expireTime: now.advanced(by: credentialWindow))
    let fresh = try sealed(
      try opened(staged, of: present), .apiKeySecret(present.id), .authToken(present.id),
      in: &next)
    twilio.apiKey = fresh.apiKey ?? twilio.apiKey
    twilio.authToken = fresh.authToken ?? twilio.authToken
    next.configuration = .twilio(twilio)
    next.staged = nil
    return accepted(next, at: now)
  }

  /// With the previous ones as the current, and staged what of the current they differ from.
  fileprivate func puttingBack(
    _ previous: PreviousCredential, in present: Provider
  ) throws(RegistryError) -> Provider {
    guard case .twilio(var twilio) = present.configuration else {
      throw .internalError("Nothing is there that could be put back.")
    }
    let before = try opened(previous, of: present)
    var replaced = try current(present)
    if let key = replaced.apiKey, let former = before.apiKey, key == former {
      replaced.apiKey = nil
    }
    if replaced.authToken == before.authToken { replaced.authToken = nil }
    var next = try staging(replaced, in: present)
    let restored = try sealed(
      before, .apiKeySecret(present.id), .authToken(present.id), in: &next)
    twilio.apiKey = restored.apiKey
    twilio.authToken = restored.authToken
    next.configuration = .twilio(twilio)
    if next.staged?.apiKey == nil, next.staged?.authToken == nil { next.staged = nil }
    next.state = .active
    next.conditions = [credentialsAccepted()]
    return next
  }

  /// The next version of a provider whose new credentials the carrier took.
  private func accepted(_ provider: Provider, at time: Timestamp) -> Provider {
    var next = provider
    next.state = .active
    next.conditions = [credentialsAccepted()]
    next.revision = provider.revision.next(at: time)
    return next
  }
}
