internal import Access
internal import Telephony

// Numbers on the operator's own account.
extension PhoneNumbers {
  /// The operator's account: refused where there is none.
  func platform() throws(RegistryError) -> PlatformAccount {
    guard let platform = context.platform else { throw .platformMissing }
    return platform
  }

  /// The operator's credentials, with which numbers are looked for.
  func platformProvider() async throws(RegistryError) -> Provider {
    let id = try platform().providerID
    let found = try await reading { () async throws(StoreError) in
      try await context.deployment.provider(id)
    }
    guard let found, try operatorAccess(found) != nil else { throw .platformMissing }
    return found
  }

  private func operatorAccess(
    _ provider: Provider
  ) throws(RegistryError) -> CarrierAccess? {
    do throws(SealingError) {
      return try provider.operatorAccess(context.sealer)
    } catch {
      throw RegistryError(error)
    }
  }

  /// The provider under which the tenant's platform numbers are; made with its sub-account when the
  /// tenant has none.
  func platformProvider(for caller: Caller) async throws(RegistryError) -> Provider {
    let id = Provider.platformID(of: caller.tenant)
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let known = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).provider(id)
      }
      if let known { return known.provider }
      guard let access = try operatorAccess(try await platformProvider()) else {
        throw .platformMissing
      }
      let account: SubAccount
      do throws(CarrierError) {
        account = try await context.market.subAccount(
          named: "trunkline-\(caller.tenant)", access)
      } catch {
        throw RegistryError(error)
      }
      let provider = try make(account, id, caller)
      let draft = AuditDraft(.create, from: nil, to: provider)
      let now = provider.revision.createTime
      // It is the operator's: no quota of the tenant's stands against it.
      let write = RegistryWrite(
        at: now, changes: [.insertProvider(provider)],
        audit: [draft.entry(by: .system(for: caller.tenant), at: now, context.ids)])
      do throws(StoreError) {
        try await context.commit(write, of: caller.tenant)
        return provider
      } catch .providerExists {
        continue
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.provider(id))
  }

  private func make(
    _ account: SubAccount, _ id: ProviderID, _ caller: Caller
  ) throws(RegistryError) -> Provider {
    var dataKey: SealedDataKey?
    let token = try context.seal(
      account.authToken, .authToken(id), of: .provider(id, caller.tenant), under: &dataKey)
    var provider = Provider(
      id: id, tenant: caller.tenant, displayName: "Platform", region: .us1,
      configuration: .twilio(
        TwilioConfiguration(accountSID: account.sid, apiKey: nil, authToken: token)),
      dataKey: dataKey, conditions: [context.credentialsAccepted()],
      revision: Revision(createTime: context.time.now()))
    provider.owner = .platform
    return provider
  }

  /// Refuses a number of another country than platform numbers are of, by the numbering plan and
  /// not by its country code.
  func checkPlatform(_ choice: PurchaseDraft.Choice) throws(RegistryError) {
    let (field, country) =
      switch choice {
      case .number(let number): ("e164", context.numberPlan.assess(number).country)
      case .any(let search): ("criteria.country", Optional(search.country.description))
      }
    guard country == PlatformAccount.country else {
      throw .invalidArgument([
        FieldViolation(
          field, .outOfRange,
          "Without provider_id the number is the operator's: of \(PlatformAccount.country) only.")
      ])
    }
  }
}

extension RegistryContext {
  /// A provider that its tenant may change and use.
  func ownProvider(
    _ id: ProviderID, tenant: TenantID
  ) async throws(RegistryError) -> StoredProvider {
    let found = try await provider(id, tenant: tenant)
    guard !found.provider.isPlatform else { throw .platformProvider(id) }
    return found
  }
}
