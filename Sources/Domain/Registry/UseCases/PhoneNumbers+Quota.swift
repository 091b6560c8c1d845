package import Access

/// How much of a kind a tenant has, and may have.
package struct QuotaUse: Sendable, Hashable {
  package var kind: CountedKind
  package var count: Int
  /// nil: there is no bound.
  package var countMax: Int?

  package init(_ kind: CountedKind, count: Int, countMax: Int?) {
    self.kind = kind
    self.count = count
    self.countMax = countMax
  }
}

extension PhoneNumbers {
  /// Everything that is counted for the caller's tenant.
  package func quota(by caller: Caller) async throws(RegistryError) -> [QuotaUse] {
    let store = context.store(of: caller.tenant)
    var uses: [QuotaUse] = []
    for kind in CountedKind.allCases {
      let count = try await reading { () async throws(StoreError) in
        try await store.count(of: kind)
      }
      let bound =
        kind == .platformNumber
        ? context.platform?.slots(of: caller.tenant) ?? 0
        : context.quotas.first { $0.kind == kind }?.countMax
      uses.append(QuotaUse(kind, count: count, countMax: bound))
    }
    return uses
  }
}
