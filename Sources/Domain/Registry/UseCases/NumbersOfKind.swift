internal import Telephony

extension TenantStore {
  /// As `numbers`, where a filter may name a kind of provider: stores don't know whose numbers are
  /// of which. A tenant has few SIP trunks, so that each of theirs is asked for.
  func numbersOfKind(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [PhoneNumber] {
    guard let kind = filter.kind else {
      return try await numbers(filter, after: cursor, limit: limit)
    }
    var wanted = filter
    wanted.kind = nil
    switch kind {
    case .liveKit: return []
    case .twilio: return try await numbersOfAccounts(wanted, after: cursor, limit: limit)
    case .sipTrunk: break
    }
    var found: [PhoneNumber] = []
    for trunk in try await trunks(filter.providerID) {
      wanted.providerID = trunk
      found += try await numbers(wanted, after: cursor, limit: limit)
    }
    found.sort {
      ($0.revision.createTime, $0.id.description) > ($1.revision.createTime, $1.id.description)
    }
    return Array(found.prefix(limit))
  }

  /// Those of SIP trunks are left out.
  private func numbersOfAccounts(
    _ filter: PhoneNumberFilter, after cursor: PageCursor?, limit: Int
  ) async throws(StoreError) -> [PhoneNumber] {
    var found: [PhoneNumber] = []
    var place = cursor
    while true {
      let page = try await numbers(filter, after: place, limit: limit)
      found += page.filter { $0.ingress != .sip }
      guard let last = page.last, page.count == limit, found.count < limit else { break }
      place = PageCursor(createTime: last.revision.createTime, id: last.id.description)
    }
    return Array(found.prefix(limit))
  }

  /// All SIP trunks, or the one that is meant, if it is one.
  private func trunks(_ wanted: ProviderID?) async throws(StoreError) -> [ProviderID] {
    if let wanted {
      return try await provider(wanted)?.provider.kind == .sipTrunk ? [wanted] : []
    }
    var trunks: [ProviderID] = []
    var cursor: PageCursor?
    repeat {
      let page = try await providers(
        ProviderFilter(kind: .sipTrunk), after: cursor, limit: RegistryLimits.pageSizeMax)
      trunks += page.map(\.id)
      cursor =
        page.count < RegistryLimits.pageSizeMax
        ? nil
        : page.last.map {
          PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
        }
    } while cursor != nil
    return trunks
  }
}
