internal import Access
package import Telephony

/// Seals what is stored under the keyring's current key, while others read and write it.
///
/// Each row is a transaction of its own that compares the row's version: a row that changed
/// meanwhile keeps its change, and is looked at again. What is done is done: after a crash the next
/// run goes on with the rows that are left. Data keys are sealed anew and the secrets under them
/// stay as they are; what an earlier version sealed without a data key gets one.
package struct KeyRotation: Sendable {
  /// A row that stays as it was.
  package struct Failure: Sendable, Hashable {
    package var resource: String
    package var reason: SealingError
  }

  /// What a run did.
  package struct Outcome: Sendable, Hashable {
    package var resealedCount = 0
    /// At most `failureCountMax` of those that stay.
    package var failures: [Failure] = []
    package var failureCount = 0
  }

  /// Failures that are told one by one.
  package static let failureCountMax = 20
  /// Rows that are read at a time.
  package static let batchSize = 50
  /// Looks at all rows, each for what was written during the one before.
  package static let roundCountMax = 20

  private let store: any RegistryStore
  private let sealer: any SecretSealer
  private let time: any TimeSource
  private let ids: any IDSource

  package init(
    store: any RegistryStore, sealer: any SecretSealer, time: any TimeSource, ids: any IDSource
  ) {
    self.store = store
    self.sealer = sealer
    self.time = time
    self.ids = ids
  }

  /// Runs until a look at all rows finds none to do but those that can't be done.
  ///
  /// `progress` gets the count of rows so far, after each batch. Cancellation ends it after a row.
  package func run(
    _ progress: @Sendable (Int) -> Void = { _ in }
  ) async throws(StoreError) -> Outcome {
    var outcome = Outcome()
    for _ in 0..<Self.roundCountMax {
      let before = outcome.resealedCount
      outcome.failures = []
      outcome.failureCount = 0
      let isOvertaken = try await round(&outcome, progress)
      if outcome.resealedCount == before && !isOvertaken || Task.isCancelled { break }
    }
    return outcome
  }

  /// One look at all rows; true when a row changed under its hands.
  private func round(
    _ outcome: inout Outcome, _ progress: @Sendable (Int) -> Void
  ) async throws(StoreError) -> Bool {
    let key = sealer.currentKeyName
    var isOvertaken = false
    var lastProvider: ProviderID?
    while !Task.isCancelled {
      let page = try await store.providers(
        notSealedUnder: key, after: lastProvider, limit: Self.batchSize)
      for provider in page {
        let step = try await reseal(provider)
        isOvertaken = count(step, in: &outcome) || isOvertaken
      }
      progress(outcome.resealedCount)
      guard let last = page.last else { break }
      lastProvider = last.id
    }
    var lastAgent: (tenant: TenantID, id: AgentID)?
    while !Task.isCancelled {
      let page = try await store.agents(
        notSealedUnder: key, after: lastAgent, limit: Self.batchSize)
      for agent in page {
        let step = try await reseal(agent)
        isOvertaken = count(step, in: &outcome) || isOvertaken
      }
      progress(outcome.resealedCount)
      guard let last = page.last else { break }
      lastAgent = (last.tenant, last.id)
    }
    return isOvertaken
  }

  private enum Step {
    case done
    case overtaken
    case failed(Failure)
  }

  private func count(_ step: Step, in outcome: inout Outcome) -> Bool {
    switch step {
    case .done: outcome.resealedCount += 1
    case .overtaken: return true
    case .failed(let failure):
      outcome.failureCount += 1
      if outcome.failures.count < Self.failureCountMax { outcome.failures.append(failure) }
    }
    return false
  }

  private func reseal(_ provider: Provider) async throws(StoreError) -> Step {
    var next = provider
    do throws(SealingError) {
      next = try provider.resealed(sealer)
    } catch {
      return .failed(Failure(resource: "provider \(provider.id)", reason: error))
    }
    next.revision = provider.revision.resealed
    return try await commit(
      [.updateProvider(next, from: provider.revision.version, numbersRevision: nil)],
      AuditResource(.provider, provider.id.description), provider.seals, provider.tenant)
  }

  private func reseal(_ agent: Agent) async throws(StoreError) -> Step {
    var next = agent
    do throws(SealingError) {
      next = try agent.resealed(sealer)
    } catch {
      return .failed(Failure(resource: "agent \(agent.id) of \(agent.tenant)", reason: error))
    }
    next.revision = agent.revision.resealed
    return try await commit(
      [.updateAgent(next, from: agent.revision.version)],
      AuditResource(.agent, agent.id.description), agent.seals, agent.tenant)
  }

  private func commit(
    _ changes: [RegistryChange], _ resource: AuditResource, _ seals: [Seal], _ tenant: TenantID
  ) async throws(StoreError) -> Step {
    let now = time.now()
    let keys = AuditChange(
      "seal_key", old: Set(seals.map(\.keyName)).sorted().joined(separator: ","),
      new: sealer.currentKeyName)
    let draft = AuditDraft(.rotate, resource, [keys])
    let write = RegistryWrite(
      at: now, changes: changes, audit: [draft.entry(by: .system(for: tenant), at: now, ids)])
    do {
      try await store.tenant(tenant).commit(write)
      return .done
    } catch .versionMismatch, .notFound {
      return .overtaken
    }
  }
}

extension Revision {
  /// One more version, since the row was written, and the time of the owner's last change.
  fileprivate var resealed: Revision {
    Revision(version: version + 1, createTime: createTime, updateTime: updateTime)
  }
}

extension Provider {
  /// With every secret under a data key that the current key seals.
  fileprivate func resealed(_ sealer: any SecretSealer) throws(SealingError) -> Provider {
    let envelope = try Envelope(sealer, secretOwner, dataKey)
    var next = self
    try next.mapSecrets { secret, field throws(SealingError) in
      try envelope.moved(secret, field)
    }
    next.dataKey = envelope.dataKey
    return next
  }
}

extension Agent {
  /// With every password under a data key that the current key seals.
  fileprivate func resealed(_ sealer: any SecretSealer) throws(SealingError) -> Agent {
    let envelope = try Envelope(sealer, secretOwner, dataKey)
    var next = self
    for index in connections.indices {
      guard let password = connections[index].target.password else { continue }
      next.connections[index].target.password = try envelope.moved(
        password, .sipPassword(id, tenant))
    }
    next.dataKey = envelope.dataKey
    return next
  }
}

/// A data key under the current key, and what moves under it.
private struct Envelope {
  let sealer: any SecretSealer
  let owner: SecretOwner
  let dataKey: SealedDataKey

  init(
    _ sealer: any SecretSealer, _ owner: SecretOwner, _ present: SealedDataKey?
  ) throws(SealingError) {
    self.sealer = sealer
    self.owner = owner
    if let present {
      dataKey = try sealer.reseal(present, of: owner)
    } else {
      dataKey = try sealer.makeDataKey(for: owner)
    }
  }

  func moved(
    _ secret: SealedSecret, _ field: CredentialField
  ) throws(SealingError) -> SealedSecret {
    guard secret.keyName != dataKey.id else { return secret }
    let opened = try sealer.open(secret, associatedData: field.associatedData)
    return try sealer.seal(opened, field, of: owner, under: dataKey)
  }
}
