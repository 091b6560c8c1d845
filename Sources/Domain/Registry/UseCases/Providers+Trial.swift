internal import Telephony

// Credentials tried on every number.
extension Providers {
  /// Tries credentials on every number of the provider, and on those that are being moved to it;
  /// throws those that they don't reach.
  func tryNumbers(
    of provider: Provider, _ access: CarrierAccess
  ) async throws(RegistryError) {
    let unreachable = try await unreachableNumbers(of: provider, access, TrialCount())
    guard unreachable.total > 0 else { return }
    throw .numbersUnreachable(
      Array(unreachable.numbers.prefix(RegistryLimits.unreachableNumbersMax)),
      total: unreachable.total, of: nil)
  }

  /// How many numbers there are to try.
  private func countNumbers(of provider: Provider) async throws(RegistryError) -> Int {
    var count = 0
    var cursor: PageCursor?
    while true {
      let after = cursor
      let page = try await reading { () async throws(StoreError) in
        try await context.store(of: provider.tenant).numbers(
          PhoneNumberFilter(providerID: provider.id), after: after,
          limit: RegistryLimits.pageSizeMax)
      }
      count += page.count
      guard let last = page.last, page.count == RegistryLimits.pageSizeMax else { return count }
      cursor = PageCursor(createTime: last.revision.createTime, id: last.id.description)
    }
  }

  /// Tries credentials on every number of the provider, and on those that are being moved to it, a
  /// few at once; gives those that they don't reach, at most `RegistryLimits.rotationRowsMax`.
  func unreachableNumbers(
    of provider: Provider, _ access: CarrierAccess, _ count: TrialCount
  ) async throws(RegistryError) -> UnreachableNumbers {
    var unreachable = UnreachableNumbers()
    count.begin(total: try await countNumbers(of: provider))
    var cursor: PageCursor?
    while true {
      let after = cursor
      let page = try await reading { () async throws(StoreError) in
        try await context.store(of: provider.tenant).numbers(
          PhoneNumberFilter(providerID: provider.id), after: after,
          limit: RegistryLimits.pageSizeMax)
      }
      unreachable.add(try await tryPage(page, access, count))
      guard let last = page.last, page.count == RegistryLimits.pageSizeMax else { break }
      cursor = PageCursor(createTime: last.revision.createTime, id: last.id.description)
    }
    var coming: [PhoneNumber] = []
    for id in try await context.numbersOnTheWay(to: provider.id, tenant: provider.tenant) {
      let number = try await reading { () async throws(StoreError) in
        try await context.store(of: provider.tenant).number(id)
      }
      if let number { coming.append(number) }
    }
    unreachable.add(try await tryPage(coming, access, count))
    return unreachable
  }

  /// Fetches each number of a page with the new credentials, a few at once, and gives those that
  /// can't be reached, in the page's order.
  private func tryPage(
    _ page: [PhoneNumber], _ access: CarrierAccess, _ count: TrialCount
  ) async throws(RegistryError) -> [UnreachableNumber] {
    let carrier = context.carrier
    let answers = await withTaskGroup(of: (Int, CarrierError?).self) { group in
      var answers: [Int: CarrierError] = [:]
      // What is being bought is not at the carrier yet.
      for (index, number) in page.enumerated() where !number.isAwaited {
        if index >= RegistryLimits.keyTrialConcurrencyMax, let answer = await group.next() {
          answers[answer.0] = answer.1
        }
        group.addTask {
          defer { count.tried(1) }
          do throws(CarrierError) {
            _ = try await carrier.fetchNumber(number.carrierSID, access)
            return (index, nil)
          } catch {
            return (index, error)
          }
        }
      }
      for await answer in group { answers[answer.0] = answer.1 }
      return answers
    }
    var unreachable: [UnreachableNumber] = []
    for (index, number) in page.enumerated() {
      guard let error = answers[index] else { continue }
      // A carrier that is down says nothing about the key.
      if error.isTransient { throw RegistryError(error) }
      unreachable.append(
        UnreachableNumber(id: number.id, e164: number.e164, carrierCode: error.code))
    }
    return unreachable
  }
}
