internal import Access
internal import Telephony

/// Compares all numbers of one provider with the carrier, and stores what it finds if it is to.
///
/// The account's list is read page by page; the numbers that differ in it, those that it lacks, and
/// those whose processing region moved, which no list tells, are looked at one by one. Only such a
/// look decides. It reads our record first and the carrier's then, and stores against the version
/// that it read: so what an import or somebody else wrote meanwhile is not mistaken for drift, and
/// two checks at once do no harm.
struct DriftCheck: Sendable {
  /// Why a check ended before its end.
  enum Stop: Error, Sendable, Hashable {
    /// It would be so for every number.
    case carrier(CarrierError)
    case store(StoreError)
    case sealing(SealingError)
    case cancelled
  }

  /// How fast numbers are asked for one by one.
  struct Pace: Sendable, Hashable {
    /// So many at once, and then a pause.
    var countAtOnce: Int
    var pause: Duration

    /// For a caller who waits.
    static let sync = Pace(countAtOnce: RegistryLimits.syncConcurrencyMax, pause: .zero)
    /// In the background.
    static let sweep = Pace(countAtOnce: 1, pause: RegistryLimits.sweepRequestInterval)
  }

  let ports: DriftPorts
  let provider: Provider
  /// Whose the changes are in the audit log.
  let caller: Caller
  let pace: Pace
  /// Whether what is found is stored.
  let applies: Bool

  /// What a run knows so far.
  private struct Progress {
    var report = DriftReport()
    /// Numbers that the list shows as we have them. Their regions are still to be asked.
    var cleared: Set<PhoneNumberID> = []
    /// Numbers that are dealt with.
    var done: Set<PhoneNumberID> = []
  }

  private var store: any TenantStore { ports.store.tenant(provider.tenant) }

  /// Runs to the end; `progress` gets the count of numbers that were compared so far, now and then.
  func run(
    _ progress: @Sendable (Int) async -> Void = { _ in }
  ) async throws(Stop) -> DriftReport {
    let access: CarrierAccess
    do throws(SealingError) {
      access = try provider.access(ports.sealer)
    } catch {
      throw .sealing(error)
    }
    var state = Progress()
    try await compareList(access, &state, progress)
    var cursor: PageCursor?
    repeat {
      let page = try await numbers(after: &cursor)
      try await lookAtMissing(page, access, &state)
      await progress(state.report.comparedCount)
    } while cursor != nil
    repeat {
      let page = try await numbers(after: &cursor)
      try await compareRegions(page, access, &state)
      await progress(state.report.comparedCount)
    } while cursor != nil
    return state.report
  }

  // MARK: The list

  private func compareList(
    _ access: CarrierAccess, _ state: inout Progress, _ progress: (Int) async -> Void
  ) async throws(Stop) {
    var token: String?
    repeat {
      let after = token
      let page = try await asked { () async throws(CarrierError) in
        try await ports.carrier.listNumbers(
          from: after, size: RegistryLimits.driftPageSize, access)
      }
      let suspects = try await compare(page.numbers, &state)
      try await look(at: suspects, access, &state)
      await progress(state.report.comparedCount)
      token = page.next
    } while token != nil
  }

  /// Gives those that are to be looked at.
  private func compare(
    _ records: [CarrierNumber], _ state: inout Progress
  ) async throws(Stop) -> [PhoneNumberID] {
    guard let account = provider.accountSID else { return [] }
    let claims = try await stored { () async throws(StoreError) in
      try await store.claims(of: records.map(\.sid), account: account)
    }
    var holders: [CarrierNumberSID: NumberClaim] = [:]
    for claim in claims { holders[claim.carrierSID] = claim }
    var suspects: [PhoneNumberID] = []
    for record in records {
      guard let claim = holders[record.sid] else {
        state.report.unimportedCount += 1
        continue
      }
      guard claim.tenant == provider.tenant, claim.region == provider.region,
        let number = try await number(claim.numberID), number.providerID == provider.id,
        number.isComparable
      else { continue }
      if let label = Drift.otherLabel(of: number, record) {
        state.report.add(DriftReport.OtherLabel(numberID: number.id, label: label))
      }
      // What was made for a number is in no list of numbers.
      let isClear =
        !number.hasDrift && number.resources.isEmpty
        && Drift.findings(of: number, .found(record), .notAsked).isEmpty
      if isClear { state.cleared.insert(number.id) } else { suspects.append(number.id) }
    }
    return suspects
  }

  // MARK: What the list does not tell

  /// A page of our numbers of the provider, newest first; the cursor is nil after the last. What is
  /// imported meanwhile is left for the next run.
  private func numbers(after cursor: inout PageCursor?) async throws(Stop) -> [PhoneNumber] {
    let after = cursor
    let page = try await stored { () async throws(StoreError) in
      try await store.numbers(
        PhoneNumberFilter(providerID: provider.id), after: after,
        limit: RegistryLimits.driftPageSize)
    }
    cursor = nil
    if let last = page.last, page.count == RegistryLimits.driftPageSize {
      cursor = PageCursor(createTime: last.revision.createTime, id: last.id.description)
    }
    return page
  }

  private func lookAtMissing(
    _ page: [PhoneNumber], _ access: CarrierAccess, _ state: inout Progress
  ) async throws(Stop) {
    var missing: [PhoneNumberID] = []
    for number in page where !state.done.contains(number.id) {
      if !number.isComparable {
        state.done.insert(number.id)
        state.report.skippedCount += 1
      } else if !state.cleared.contains(number.id) {
        missing.append(number.id)
      }
    }
    try await look(at: missing, access, &state)
  }

  private func compareRegions(
    _ page: [PhoneNumber], _ access: CarrierAccess, _ state: inout Progress
  ) async throws(Stop) {
    let rest = page.filter { state.cleared.contains($0.id) && !state.done.contains($0.id) }
    var suspects: [PhoneNumberID] = []
    for number in rest where !number.isComparable || !number.supportsInbound {
      state.done.insert(number.id)
      if number.isComparable {
        state.report.comparedCount += 1
      } else {
        state.report.skippedCount += 1
      }
    }
    let inbound = rest.filter { $0.isComparable && $0.supportsInbound }
    let answers = try await inTurns(inbound) { (number) async throws(Stop) in
      try await self.processingRegion(of: number, access)
    }
    for (number, region) in zip(inbound, answers) {
      switch region {
      case nil: state.report.unreadCount += 1
      case .region(let region) where (region ?? .us1) == number.region:
        state.report.comparedCount += 1
      default:
        suspects.append(number.id)
        continue
      }
      state.done.insert(number.id)
    }
    try await look(at: suspects, access, &state)
  }

  /// nil: the carrier does not tell.
  private func processingRegion(
    of number: PhoneNumber, _ access: CarrierAccess
  ) async throws(Stop) -> Drift.ProcessingRegion? {
    do throws(Stop) {
      return .region(
        try await asked { () async throws(CarrierError) in
          try await ports.carrier.processingRegion(of: number.e164, access)
        })
    } catch .carrier(let error) where error.kind == .conflict {
      return .unknown
    } catch .carrier(let error) where error.kind == .invalidRequest {
      return nil
    }
  }
}

// MARK: - One by one

extension DriftCheck {
  /// What a look at one number came to.
  private enum Look: Sendable {
    case row(DriftReport.Row)
    case skipped
    case unread
  }

  private func look(
    at ids: [PhoneNumberID], _ access: CarrierAccess, _ state: inout Progress
  ) async throws(Stop) {
    let looks = try await inTurns(ids) { (id) async throws(Stop) in
      try await self.look(at: id, access)
    }
    state.done.formUnion(ids)
    for look in looks {
      switch look {
      case .row(let row): state.report.add(row)
      case .skipped: state.report.skippedCount += 1
      case .unread: state.report.unreadCount += 1
      }
    }
  }

  private func look(
    at id: PhoneNumberID, _ access: CarrierAccess
  ) async throws(Stop) -> Look {
    guard let number = try await number(id), number.providerID == provider.id,
      number.isComparable, try await !isWorkedOn(id)
    else { return .skipped }
    let record = try await record(of: number, access)
    var region: Drift.ProcessingRegion? = .notAsked
    if record != .absent, number.supportsInbound {
      region = try await processingRegion(of: number, access)
    }
    guard let record, let region, let sights = try await sights(of: number, record, access)
    else { return .unread }
    let now = ports.time.now()
    let findings = Drift.findings(of: number, record, region, sights)
    var next = number.judged(findings, at: now)
    var row = DriftReport.Row(
      numberID: id, e164: number.e164, findings: findings, change: .none)
    guard next != number else { return .row(row) }
    row.change = findings.isEmpty ? .healed : .marked
    guard applies else { return .row(row) }
    next.revision = number.revision.next(at: now)
    do throws(StoreError) {
      try await ports.commit(
        by: caller, .updateNumber(next, from: number.revision.version),
        audit: AuditDraft(.update, from: number, to: next))
      return .row(row)
    } catch .versionMismatch, .notFound {
      // Somebody was faster: what was read at the carrier may be theirs.
      return .skipped
    } catch {
      throw .store(error)
    }
  }

  /// nil: the carrier does not tell.
  private func record(
    of number: PhoneNumber, _ access: CarrierAccess
  ) async throws(Stop) -> Drift.Record? {
    do throws(Stop) {
      return .found(
        try await asked { () async throws(CarrierError) in
          try await ports.carrier.fetchNumber(number.carrierSID, access)
        })
    } catch .carrier(let error) where error.kind == .notFound {
      return .absent
    } catch .carrier(let error) where error.kind == .invalidRequest || error.kind == .conflict {
      return nil
    }
  }

  private func number(_ id: PhoneNumberID) async throws(Stop) -> PhoneNumber? {
    try await stored { () async throws(StoreError) in try await store.number(id) }
  }

  private func isWorkedOn(_ id: PhoneNumberID) async throws(Stop) -> Bool {
    let open = try await stored { () async throws(StoreError) in
      try await store.openJournal(of: .number(id))
    }
    return open != nil
  }

  // MARK: Pace, and failures

  /// Answers in the order of the subjects, as fast as the pace allows.
  private func inTurns<Subject: Sendable, Answer: Sendable>(
    _ subjects: [Subject],
    _ body: @escaping @Sendable (Subject) async throws(Stop) -> Answer
  ) async throws(Stop) -> [Answer] {
    var answers: [Answer] = []
    for start in stride(from: 0, to: subjects.count, by: pace.countAtOnce) {
      try await rest(for: pace.pause)
      let turn = Array(subjects[start..<min(start + pace.countAtOnce, subjects.count)])
      let results = await withTaskGroup(of: (Int, Result<Answer, Stop>).self) { group in
        for (index, subject) in turn.enumerated() {
          group.addTask {
            do throws(Stop) {
              return (index, .success(try await body(subject)))
            } catch {
              return (index, .failure(error))
            }
          }
        }
        var results: [Int: Result<Answer, Stop>] = [:]
        for await (index, result) in group { results[index] = result }
        return results
      }
      for index in turn.indices {
        guard let result = results[index] else { preconditionFailure("a task gave no result") }
        answers.append(try result.get())
      }
    }
    return answers
  }

  func rest(for duration: Duration) async throws(Stop) {
    do {
      try await ports.time.sleep(for: duration)
    } catch {
      throw .cancelled
    }
  }

  /// Asks the carrier, again while it says that it is asked too often.
  func asked<R: Sendable>(
    _ body: () async throws(CarrierError) -> R
  ) async throws(Stop) -> R {
    var failures = 0
    while true {
      do throws(CarrierError) {
        return try await body()
      } catch {
        failures += 1
        if Task.isCancelled { throw .cancelled }
        guard error.kind == .limited, failures < RegistryLimits.driftAttemptsMax else {
          throw .carrier(error)
        }
        let delay = BackOff.steps.delay(afterFailures: failures, asked: error.retryAfter)
        try await rest(for: delay)
      }
    }
  }

  func stored<R: Sendable>(
    _ body: () async throws(StoreError) -> R
  ) async throws(Stop) -> R {
    if Task.isCancelled { throw .cancelled }
    do throws(StoreError) {
      return try await body()
    } catch {
      throw .store(error)
    }
  }
}
