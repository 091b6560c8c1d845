package import Registry
internal import Synchronization
package import Telephony

/// A market in memory, whose buyers' numbers are at a ``FakeCarrier``. What a test loses of an
/// answer may have bought or not.
package final class FakeMarket: NumberMarket {
  /// What becomes of the next purchase.
  package enum Loss: Sendable, Hashable {
    /// The request never comes there, and nobody knows.
    case before
    /// It is bought; the answer is lost.
    case after
    /// It is bought when the account was looked at so often more.
    case late(looks: Int)
  }

  private struct State {
    var stock: [MarketNumber] = []
    var bought: [PurchaseOrder] = []
    var released: [CarrierNumberSID] = []
    var loss: Loss?
    var late: (order: PurchaseOrder, account: AccountSID, looks: Int)?
    var refusal: CarrierError?
    var findRefusal: CarrierError?
    var releaseRefusal: CarrierError?
    /// What follows a release whose answer is lost.
    var repeatedRelease: CarrierError?
    var buyRequests = 0
    var nextSID: UInt128 = 0xb0000
    var subAccounts: [String: SubAccount] = [:]
    var quarantined: [String: CarrierNumberSID] = [:]
  }

  private let carrier: FakeCarrier
  private let state = Mutex(State())

  package init(_ carrier: FakeCarrier) { self.carrier = carrier }

  // MARK: What a test sets and looks at

  package func offer(_ numbers: MarketNumber...) {
    state.withLock { $0.stock += numbers }
  }

  /// Of the next purchase.
  package func lose(_ loss: Loss) { state.withLock { $0.loss = loss } }

  /// Every purchase, every look for one, or every release fails so until it is set to nil.
  package func refuse(
    purchases: CarrierError? = nil, looks: CarrierError? = nil, releases: CarrierError? = nil
  ) {
    state.withLock { state in
      state.refusal = purchases
      state.findRefusal = looks
      state.releaseRefusal = releases
    }
  }

  /// The next release has its effect, and its answer is lost; what follows it is refused so.
  package func loseRelease(repetitions: CarrierError) {
    state.withLock { $0.repeatedRelease = repetitions }
  }

  /// Purchases that had their effect.
  package var bought: [PurchaseOrder] { state.withLock { $0.bought } }
  package var released: [CarrierNumberSID] { state.withLock { $0.released } }
  package var buyRequestCount: Int { state.withLock { $0.buyRequests } }

  // MARK: The port

  package func search(
    _ search: NumberSearch, _ access: CarrierAccess
  ) async throws(CarrierError) -> [MarketNumber] {
    state.withLock { state in
      Array(
        state.stock.filter { number in
          number.country == search.country.description && number.kind == search.kind
            && (search.areaCode.isEmpty || number.e164.digits.hasPrefix("1" + search.areaCode))
        }.prefix(search.limit))
    }
  }

  package func buy(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    let lost = CarrierError(.unavailable, effect: .unknown)
    let loss = try state.withLock { state throws(CarrierError) -> Loss? in
      state.buyRequests += 1
      if let refusal = state.refusal { throw refusal }
      guard state.stock.contains(where: { $0.e164 == order.e164 }) else {
        throw CarrierError(.notForSale, effect: .refused, code: 21422)
      }
      defer { state.loss = nil }
      if case .late(let looks) = state.loss {
        state.late = (order, access.accountSID, looks)
      }
      return state.loss
    }
    if loss == .before { throw lost }
    if case .late = loss { throw lost }
    deliver(order, to: access.accountSID)
    guard loss == nil else { throw lost }
    guard let number = try await carrier.findNumber(order.e164, access) else { throw lost }
    return number
  }

  package func find(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> PurchaseSight {
    let due = try state.withLock { state throws(CarrierError) -> PurchaseOrder? in
      if let refusal = state.findRefusal { throw refusal }
      guard let late = state.late else { return nil }
      state.late?.looks = late.looks - 1
      guard late.looks <= 0 else { return nil }
      state.late = nil
      return late.order
    }
    if let due { deliver(due, to: access.accountSID) }
    guard let number = try await carrier.findNumber(order.e164, access) else { return .absent }
    return number.friendlyName == order.name ? .bought(number) : .othersBought
  }

  package func release(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try state.withLock { state throws(CarrierError) in
      if let refusal = state.releaseRefusal { throw refusal }
      state.released.append(sid)
    }
    carrier.removeNumber(sid)
    try state.withLock { state throws(CarrierError) in
      guard let repeated = state.repeatedRelease else { return }
      state.repeatedRelease = nil
      state.releaseRefusal = repeated
      throw CarrierError(.unavailable, effect: .unknown)
    }
  }

  /// Each sub-account's token is good in every region.
  package func subAccount(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> SubAccount {
    let account = state.withLock { state in
      let made =
        state.subAccounts[name]
        ?? SubAccount(
          sid: AccountSID(bits: UInt128(0xacc000 + state.subAccounts.count)),
          authToken: Secret("token of \(name)"))
      state.subAccounts[name] = made
      return made
    }
    for region in Region.allCases {
      carrier.setToken(
        String(decoding: account.authToken.revealed, as: UTF8.self), account: account.sid,
        region: region)
    }
    return account
  }

  package func quarantine(
    _ sid: CarrierNumberSID, name: String, of account: AccountSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try state.withLock { state throws(CarrierError) in
      if let refusal = state.releaseRefusal { throw refusal }
      state.quarantined[name] = sid
    }
    carrier.removeNumber(sid)
  }

  /// What went back to the operator, by name.
  package var quarantined: [String: CarrierNumberSID] { state.withLock { $0.quarantined } }
  /// By name.
  package var subAccounts: [String: SubAccount] { state.withLock { $0.subAccounts } }

  private func deliver(_ order: PurchaseOrder, to account: AccountSID) {
    let sid = state.withLock { state in
      state.stock.removeAll { $0.e164 == order.e164 }
      state.bought.append(order)
      state.nextSID += 1
      return CarrierNumberSID(bits: state.nextSID)
    }
    carrier.addNumber(sid, order.e164, account: account)
    carrier.change(sid, friendlyName: order.name)
  }
}
