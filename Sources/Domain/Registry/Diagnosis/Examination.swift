internal import Synchronization
internal import Telephony

/// Looks at everything that a diagnosis judges, several things at once, and keeps what it saw when
/// the time is over.
final class Examination: Sendable {
  private let facts: Mutex<DiagnosisFacts>
  private let access: CarrierAccess
  /// The Auth Token beside the API key.
  private let token: CarrierAccess?
  private let context: RegistryContext
  private let carrier: any CarrierDiagnostics
  private let publicURLs: any PublicURLProbe

  init(
    _ facts: DiagnosisFacts, access: CarrierAccess, token: CarrierAccess?,
    context: RegistryContext, carrier: any CarrierDiagnostics, publicURLs: any PublicURLProbe
  ) {
    self.facts = Mutex(facts)
    self.access = access
    self.token = token
    self.context = context
    self.carrier = carrier
    self.publicURLs = publicURLs
  }

  /// What was seen by now.
  var seen: DiagnosisFacts { facts.withLock { $0 } }

  /// Looks until everything was looked at or `time` has passed; then requests in flight are
  /// aborted.
  func run(within time: Duration) async {
    await Looking.within(time, context.time) {
      await withTaskGroup(of: Void.self) { both in
        both.addTask { await self.askPublicURL() }
        both.addTask { await self.askCarrier() }
      }
    }
  }

  private func askPublicURL() async {
    let initial = seen
    guard case .configured(let url, _) = initial.publicURL else { return }
    let answer = await publicURLs.ask(initial.provider.region)
    guard !Task.isCancelled else { return }
    facts.withLock { $0.publicURL = .configured(url, answer: answer) }
  }

  private func askCarrier() async {
    let credentials = await tryCredentials()
    facts.withLock { $0.credentials = credentials }
    guard credentials.areOfUse else { return }
    var works: [Looking.Work] = [tryToken, tryCalls]
    let initial = seen
    works += initial.countries.keys.sorted().map { country in { await self.askCountry(country) } }
    works += initial.numbers.indices.filter { initial.numbers[$0].isSettled }.map { index in
      { await self.askNumber(index, credentials) }
    }
    await Looking.all(works)
    await Looking.all(
      chooseTrunks().map { sid in
        {
          let trunk = await Looking.once { () async throws(CarrierError) in
            try await self.carrier.trunk(sid, self.access)
          }
          self.facts.withLock { $0.trunks[sid] = trunk }
        }
      })
  }

  // MARK: Credentials

  private func tryCredentials() async -> DiagnosisFacts.Credentials {
    let look = await Looking.once { () async throws(CarrierError) in
      try await context.carrier.probe(access)
    }
    switch look {
    case .notTried: return .notTried
    case .found(let owner): return owner == access.accountSID ? .accepted : .ofOtherAccount(owner)
    case .failed(let error):
      // The carrier says no more than that they are wrong.
      guard error.kind == .credentialsRefused else { return .failed(error) }
      if let region = await context.otherRegion(of: access) { return .ofOtherRegion(region) }
      if let owner = try? await context.carrier.owner(access), owner != access.accountSID {
        return .ofOtherAccount(owner)
      }
      return .failed(error)
    }
  }

  private func tryToken() async {
    guard let token else { return }
    let owner = await Looking.once { () async throws(CarrierError) in
      try await context.carrier.probe(token)
    }
    facts.withLock { $0.authToken = .beside(owner) }
  }

  private func tryCalls() async {
    let right = await Looking.once { () async throws(CarrierError) in
      try await carrier.tryCalls(access)
      return true
    }
    facts.withLock { $0.calls = right }
  }

  // MARK: Countries, numbers, trunks

  private func askCountry(_ country: CountryCode) async {
    let permission = await Looking.once { () async throws(CarrierError) in
      try await carrier.dialingPermission(for: country, access)
    }
    facts.withLock { $0.countries[country] = permission }
  }

  private func askNumber(_ index: Int, _ credentials: DiagnosisFacts.Credentials) async {
    let number = facts.withLock { $0.numbers[index].number }
    // Where the right is missing each number would be refused alike.
    let record: Looked<CarrierNumber> =
      if case .failed(let error) = credentials {
        .failed(error)
      } else {
        await Looking.once { () async throws(CarrierError) in
          try await context.carrier.fetchNumber(number.carrierSID, access)
        }
      }
    var region: Looked<Region?> = .notTried
    if number.supportsInbound, record != .notTried {
      region = await Looking.once { () async throws(CarrierError) in
        try await context.carrier.processingRegion(of: number.e164, access)
      }
    }
    var outside: [StepKind: Looked<ResourceSight>] = [:]
    if case .found = record { outside = await lookOutside(number) }
    facts.withLock { facts in
      facts.numbers[index].record = record
      facts.numbers[index].processingRegion = region
      facts.numbers[index].outside = outside
    }
  }

  /// What was made for the number at the carrier.
  private func lookOutside(_ number: PhoneNumber) async -> [StepKind: Looked<ResourceSight>] {
    var looks: [StepKind: Looked<ResourceSight>] = [:]
    for resource in number.resources where !resource.kind.isAtGateway {
      let work = ResourceWork(
        ports: context.outside, number: number, wanted: resource, account: .carrier(access),
        others: number)
      let look = await Looking.once { () async throws(CarrierError) in
        let sight = try await work.sight()
        guard sight == .standing, resource.kind == .trunk,
          let sid = try? CarrierTrunkSID(resource.externalID)
        else { return sight }
        let trunk = try await carrier.trunk(sid, access)
        return trunk.domainName == resource.value ? .standing : .altered
      }
      looks[resource.kind] = look
    }
    return looks
  }

  /// The trunks that numbers of ours stand on; those beyond the bound stay untried.
  private func chooseTrunks() -> ArraySlice<CarrierTrunkSID> {
    let chosen = facts.withLock { facts in
      for number in facts.numbers where number.number.supportsInbound {
        guard case .found(let record) = number.record,
          let sid = try? CarrierTrunkSID(record.voice.trunkSID),
          // Ours is looked at with the number.
          number.number.resource(.trunk)?.externalID != sid.description
        else { continue }
        facts.trunks[sid] = .notTried
      }
      return facts.trunks.keys.sorted()
    }
    return chosen.prefix(RegistryLimits.diagnosisTrunksMax)
  }
}
