internal import Access
internal import Synchronization
internal import Telephony

/// When which provider's previous credentials are to be destroyed: what this process knows of it.
///
/// Bounded: what has no room is found by the next look at all providers. Callable from any
/// executor.
final class CredentialWindows: Sendable {
  struct Entry: Sendable, Hashable {
    let provider: ProviderID
    let tenant: TenantID
  }

  private let ends = Mutex<[Entry: Timestamp]>([:])

  init() {}

  /// Takes up the window of a provider as it is stored now, or forgets it.
  func note(_ provider: Provider) {
    let entry = Entry(provider: provider.id, tenant: provider.tenant)
    ends.withLock { ends in
      guard let previous = provider.previous else {
        ends[entry] = nil
        return
      }
      guard ends[entry] != nil || ends.count < RegistryLimits.credentialWindowsMax else { return }
      ends[entry] = previous.expireTime
    }
  }

  func forget(_ entry: Entry) { ends.withLock { $0[entry] = nil } }

  /// Those that are over.
  func over(at time: Timestamp) -> [Entry] {
    ends.withLock { ends in ends.filter { $0.value <= time }.map(\.key) }
  }
}

extension RegistryContext {
  /// Looks through all providers for previous credentials, so that their end is not missed: after
  /// a start, and with the housekeeping for what other registries promoted.
  package func findCredentialWindows() async throws(RegistryError) {
    var last: ProviderID?
    while !Task.isCancelled {
      let after = last
      // No key has an empty name: these are all that hold a secret.
      let page = try await reading { () async throws(StoreError) in
        try await deployment.providers(
          notSealedUnder: "", after: after, limit: KeyRotation.batchSize)
      }
      for provider in page where provider.previous != nil { windows.note(provider) }
      guard let end = page.last else { return }
      last = end.id
    }
  }

  /// Destroys the previous credentials whose window is over, each by itself: those that can't be
  /// read or written stay for the next time, and the first reason is thrown when all had their
  /// turn.
  package func closeCredentialWindows() async throws(RegistryError) {
    var failure: RegistryError?
    for entry in windows.over(at: time.now()) {
      do throws(StoreError) {
        try await close(entry)
      } catch .versionMismatch, .notFound {
        continue
      } catch {
        failure = failure ?? RegistryError(error)
      }
    }
    if let failure { throw failure }
  }

  private func close(_ entry: CredentialWindows.Entry) async throws(StoreError) {
    let found = try await store(of: entry.tenant).provider(entry.provider)
    guard let present = found?.provider, let previous = present.previous else {
      return windows.forget(entry)
    }
    guard previous.expireTime <= time.now() else { return windows.note(present) }
    var next = present
    next.previous = nil
    next.revision = present.revision.next(at: time.now())
    try await commit(
      by: .system(for: entry.tenant),
      [.updateProvider(next, from: present.revision.version, numbersRevision: nil)],
      audit: AuditDraft(.update, from: present, to: next))
    windows.forget(entry)
  }
}
