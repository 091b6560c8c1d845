package import Access
internal import Synchronization
internal import Telephony

/// Looking for what keeps a provider's calls from coming and going. Reads only.
///
/// One for each process: it bounds how many go on. Callable from any executor.
package final class Diagnoses: Sendable {
  private let context: RegistryContext
  private let carrier: any CarrierDiagnostics
  private let publicURLs: any PublicURLProbe
  /// Whose diagnoses go on.
  private let running = Mutex<Set<TenantID>>([])

  package init(
    _ context: RegistryContext, carrier: any CarrierDiagnostics, publicURLs: any PublicURLProbe
  ) {
    self.context = context
    self.carrier = carrier
    self.publicURLs = publicURLs
  }

  /// Looks at a provider for at most `RegistryLimits.diagnosisTimeMax`. What is wrong is a finding;
  /// cancellation ends it with what was seen by then.
  package func diagnose(
    _ request: DiagnoseProvider, by caller: Caller
  ) async throws(RegistryError) -> DiagnosisReport {
    let wish = try Wish(request)
    let provider = try await context.ownProvider(wish.providerID, tenant: caller.tenant).provider
    try enter(caller.tenant)
    defer { running.withLock { _ = $0.remove(caller.tenant) } }
    if provider.kind == .liveKit { return try await diagnoseGateway(provider, wish) }
    let access = try context.access(provider)
    let token = try tokenAccess(provider)
    let (numbers, total) = try await numbers(
      of: provider.tenant, PhoneNumberFilter(providerID: provider.id), limit: wish.numberLimit)
    var facts = DiagnosisFacts(
      provider: provider, authToken: authToken(provider, token), publicURL: .missing)
    facts.otherToken = try otherToken(provider, than: token)
    if let url = publicURLs.url(of: provider.region) {
      facts.publicURL = .configured(url, answer: nil)
    }
    facts.numbers = numbers.map { number in
      DiagnosisFacts.Number(
        number: number,
        expected: context.webhooks.voiceSettings(
          of: number.id, region: number.region, generation: number.webhookGeneration))
    }
    for country in wish.countries ?? countries(of: numbers) { facts.countries[country] = .notTried }
    let examination = Examination(
      facts, access: access, token: token, context: context, carrier: carrier,
      publicURLs: publicURLs)
    await examination.run(within: wish.time)
    let seen = examination.seen
    let examined = seen.numbers.count { $0.isExamined }
    return DiagnosisReport(
      findings: Diagnosis.findings(seen), examinedNumberCount: examined,
      leftOutNumberCount: total - examined)
  }

  /// The server, and what was made there for numbers.
  private func diagnoseGateway(
    _ provider: Provider, _ wish: Wish
  ) async throws(RegistryError) -> DiagnosisReport {
    let access = try context.gatewayAccess(provider)
    let (numbers, total) = try await numbers(
      of: provider.tenant, PhoneNumberFilter(), limit: wish.numberLimit
    ) { $0.gatewayProviderID == provider.id }
    let examination = GatewayExamination(
      DiagnosisFacts(
        gateway: provider, numbers: numbers.map { DiagnosisFacts.Number(atGateway: $0) }),
      access, context)
    await examination.run(within: wish.time)
    let seen = examination.seen
    var examined = 0
    if case .found = seen.gateway { examined = seen.numbers.count { $0.isExamined } }
    return DiagnosisReport(
      findings: Diagnosis.findings(seen), examinedNumberCount: examined,
      leftOutNumberCount: total - examined)
  }

  private func enter(_ tenant: TenantID) throws(RegistryError) {
    let entered = running.withLock { running in
      guard running.count < RegistryLimits.diagnosesMax else { return false }
      return running.insert(tenant).inserted
    }
    if !entered { throw .tooManyDiagnoses }
  }

  /// The Auth Token where it is held beside an API key.
  private func tokenAccess(_ provider: Provider) throws(RegistryError) -> CarrierAccess? {
    guard case .twilio(let twilio) = provider.configuration, twilio.apiKey != nil,
      let sealed = twilio.authToken
    else { return nil }
    do throws(SealingError) {
      let token = try context.sealer.open(
        sealed, .authToken(provider.id), of: provider.secretOwner, with: provider.dataKey)
      return CarrierAccess(
        accountSID: twilio.accountSID, region: provider.region, credentials: .authToken(token))
    } catch {
      throw RegistryError(error)
    }
  }

  /// One that is staged, or was replaced and counts yet, if it differs from the current one.
  private func otherToken(
    _ provider: Provider, than current: CarrierAccess?
  ) throws(RegistryError) -> DiagnosisFacts.OtherToken? {
    guard let current else { return nil }
    if let staged = provider.staged, let token = try context.opened(staged, of: provider).authToken,
      current.credentials != .authToken(token)
    {
      return .staged
    }
    if let previous = provider.previous, context.time.now() < previous.expireTime,
      let token = try context.opened(previous, of: provider).authToken,
      current.credentials != .authToken(token)
    {
      return .previous(until: previous.expireTime)
    }
    return nil
  }

  private func authToken(
    _ provider: Provider, _ token: CarrierAccess?
  ) -> DiagnosisFacts.AuthToken {
    if token != nil { return .beside(.notTried) }
    guard case .twilio(let twilio) = provider.configuration, twilio.authToken != nil else {
      return .none
    }
    return .isInUse
  }

  /// The newest numbers that are wanted, and how many there are of those that were gone through.
  private func numbers(
    of tenant: TenantID, _ filter: PhoneNumberFilter, limit: Int,
    where isWanted: (PhoneNumber) -> Bool = { _ in true }
  ) async throws(RegistryError) -> ([PhoneNumber], total: Int) {
    let store = context.store(of: tenant)
    return try await reading { () async throws(StoreError) in
      var chosen: [PhoneNumber] = []
      var (seen, total) = (0, 0)
      var cursor: PageCursor?
      repeat {
        let size = RegistryLimits.pageSizeMax
        let page = try await store.numbers(filter, after: cursor, limit: size)
        let wanted = page.filter(isWanted)
        chosen += wanted.prefix(limit - chosen.count)
        seen += page.count
        total += wanted.count
        cursor =
          page.count < size
          ? nil
          : page.last.map {
            PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
          }
      } while cursor != nil && seen < RegistryLimits.diagnosisCountedNumbersMax
      return (chosen, total)
    }
  }

  /// Where outbound numbers are from, as far as the numbering plan tells.
  private func countries(of numbers: [PhoneNumber]) -> [CountryCode] {
    let known = numbers.filter(\.supportsOutbound).compactMap {
      context.numberPlan.assess($0.e164).country.flatMap { CountryCode($0) }
    }
    return Array(Set(known).sorted().prefix(RegistryLimits.diagnosisCountriesMax))
  }
}

/// A request that was found good.
private struct Wish {
  let providerID: ProviderID
  /// nil: none were named.
  let countries: [CountryCode]?
  let numberLimit: Int
  let time: Duration

  init(_ request: DiagnoseProvider) throws(RegistryError) {
    var validator = Validator()
    let id = validator.id("provider_id", request.providerID, as: ProviderID.self)
    let count = request.countries.count
    if count > RegistryLimits.diagnosisCountriesMax {
      validator.refuse(
        "countries", .tooMany,
        "There are \(count) countries; the limit is \(RegistryLimits.diagnosisCountriesMax).")
    }
    let countries = request.countries.compactMap { CountryCode($0) }
    if countries.count != count {
      validator.refuse(
        "countries", .malformed, "A country is two capital letters (ISO 3166 alpha-2), as US.")
    }
    if request.numberLimit < 0 {
      validator.refuse(
        "number_limit", .outOfRange,
        "The limit is negative. 0 means \(RegistryLimits.diagnosisNumbersDefault).")
    }
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    providerID = id
    self.countries = countries.isEmpty ? nil : countries
    numberLimit =
      request.numberLimit == 0
      ? RegistryLimits.diagnosisNumbersDefault
      : min(request.numberLimit, RegistryLimits.diagnosisNumbersMax)
    let left = request.timeLeft.map { $0 - RegistryLimits.diagnosisAnswerTimeMax }
    time = max(.zero, min(left ?? RegistryLimits.diagnosisTimeMax, RegistryLimits.diagnosisTimeMax))
  }
}
