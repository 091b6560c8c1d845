internal import Access
internal import Telephony

/// What comparing with the carrier stands on: a part of what the use cases and the works have.
struct DriftPorts: Sendable {
  let store: any RegistryStore
  let carrier: any Carrier
  let outside: OutsidePorts
  let sealer: any SecretSealer
  let time: any TimeSource
  let ids: any IDSource
  let feed: RouteFeed

  /// Commits one change with what the audit log is told of it, and publishes.
  func commit(
    by caller: Caller, _ change: RegistryChange, audit draft: AuditDraft
  ) async throws(StoreError) {
    let now = time.now()
    let write = RegistryWrite(
      at: now, changes: [change], audit: [draft.entry(by: caller, at: now, ids)])
    feed.published(try await store.tenant(caller.tenant).commit(write).routeSequence)
  }
}
