internal import Telephony

/// Whether the keyring fits what is stored.
package struct SealCheck: Sendable {
  /// Stored secrets that the keyring can't open.
  package enum Problem: Sendable, Hashable {
    /// The keyring has no such key.
    case missing(key: String, rowCount: Int)
    /// The keyring's key of this name is another one.
    case wrong(key: String, rowCount: Int)
  }

  private let store: any DeploymentStore
  private let sealer: any SecretSealer

  /// Rows of a kind that are tried: one that is damaged doesn't make the key a wrong one.
  private static let sampleSize = 3

  package init(store: any DeploymentStore, sealer: any SecretSealer) {
    self.store = store
    self.sealer = sealer
  }

  /// One problem for each key at most, by its name. All rows are counted, a few opened.
  package func problems() async throws(StoreError) -> [Problem] {
    var missing: [String: Int] = [:]
    var wrong: [String: Int] = [:]
    for count in try await store.sealCounts() {
      for key in Set(count.seals.map(\.keyName)) where !sealer.hasKey(named: key) {
        missing[key, default: 0] += count.rowCount
      }
      guard count.seals.allSatisfy({ sealer.hasKey(named: $0.keyName) }) else { continue }
      if let key = try await wrongKey(count.seals) { wrong[key, default: 0] += count.rowCount }
    }
    return missing.sorted { $0.key < $1.key }
      .map { Problem.missing(key: $0.key, rowCount: $0.value) }
      + wrong.sorted { $0.key < $1.key }.map { Problem.wrong(key: $0.key, rowCount: $0.value) }
  }

  /// The first key with which no sample of these rows opens; nil when all of them open one.
  private func wrongKey(_ seals: [Seal]) async throws(StoreError) -> String? {
    var opened: Set<Seal> = []
    var isThereAny = false
    for provider in try await store.providers(sealed: seals, limit: Self.sampleSize) {
      isThereAny = true
      opened.formUnion(provider.openedSeals(sealer))
    }
    for agent in try await store.agents(sealed: seals, limit: Self.sampleSize) {
      isThereAny = true
      opened.formUnion(agent.openedSeals(sealer))
    }
    return isThereAny ? seals.first { !opened.contains($0) }?.keyName : nil
  }
}

extension Provider {
  fileprivate func openedSeals(_ sealer: any SecretSealer) -> [Seal] {
    secrets.compactMap { Seal.opening($0.sealed, $0.field, secretOwner, dataKey, sealer) }
  }
}

extension Agent {
  fileprivate func openedSeals(_ sealer: any SecretSealer) -> [Seal] {
    connections.compactMap(\.target.password).compactMap {
      Seal.opening($0, .sipPassword(id, tenant), secretOwner, dataKey, sealer)
    }
  }
}

extension Seal {
  /// How a secret is sealed, if it opens.
  fileprivate static func opening(
    _ sealed: SealedSecret, _ field: CredentialField, _ owner: SecretOwner,
    _ dataKey: SealedDataKey?, _ sealer: any SecretSealer
  ) -> Seal? {
    guard (try? sealer.open(sealed, field, of: owner, with: dataKey)) != nil else { return nil }
    if let dataKey, sealed.keyName == dataKey.id {
      return Seal(keyName: dataKey.keyName, isEnvelope: true)
    }
    return Seal(keyName: sealed.keyName, isEnvelope: false)
  }
}
