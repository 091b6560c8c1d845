package import Registry
package import Telephony

/// A market of whose requests one fails, as the injector says.
package struct FaultyMarket: NumberMarket {
  private let base: FakeMarket
  private let injector: FaultInjector

  package init(_ base: FakeMarket, _ injector: FaultInjector) {
    self.base = base
    self.injector = injector
  }

  package func search(
    _ search: NumberSearch, _ access: CarrierAccess
  ) async throws(CarrierError) -> [MarketNumber] {
    try await step { () async throws(CarrierError) in try await base.search(search, access) }
  }

  package func buy(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try await step { () async throws(CarrierError) in try await base.buy(order, access) }
  }

  package func find(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> PurchaseSight {
    try await step { () async throws(CarrierError) in try await base.find(order, access) }
  }

  package func release(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in try await base.release(sid, access) }
  }

  package func subAccount(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> SubAccount {
    try await step { () async throws(CarrierError) in
      try await base.subAccount(named: name, access)
    }
  }

  package func quarantine(
    _ sid: CarrierNumberSID, name: String, of account: AccountSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.quarantine(sid, name: name, of: account, access)
    }
  }

  private func step<Result: Sendable>(
    _ body: () async throws(CarrierError) -> Result
  ) async throws(CarrierError) -> Result {
    switch injector.step() {
    case .proceed: return try await body()
    case .failBefore: throw CarrierError(.unavailable, effect: .beforeSend)
    case .failAfter:
      _ = try await body()
      throw CarrierError(.unavailable, effect: .unknown)
    }
  }
}
