internal import Telephony

// What was made for numbers by trunk.
extension DriftCheck {
  /// How all of it stands; empty where nothing was made, or the account does not hold the number
  /// any more. nil: the carrier or the gateway does not tell.
  func sights(
    of number: PhoneNumber, _ record: Drift.Record?, _ access: CarrierAccess
  ) async throws(Stop) -> [StepKind: ResourceSight]? {
    guard case .found(let found) = record, found.accountSID == number.accountSID,
      !number.resources.isEmpty
    else { return [:] }
    let gateway = try await gatewayAccess(of: number)
    var sights: [StepKind: ResourceSight] = [:]
    for resource in number.resources {
      let account: ResourceWork.Account
      if resource.kind.isAtGateway {
        guard let gateway else { return nil }
        account = .gateway(gateway)
      } else {
        account = .carrier(access)
      }
      try await rest(for: pace.pause)
      let work = ResourceWork(
        ports: ports.outside, number: number, wanted: resource, account: account, others: number)
      do throws(Stop) {
        sights[resource.kind] = try await asked { () async throws(CarrierError) in
          try await work.sight()
        }
      } catch .carrier(let error)
        where resource.kind.isAtGateway || error.kind == .invalidRequest || error.kind == .conflict
      {
        return nil
      }
    }
    return sights
  }

  /// nil: the number has no gateway, or the gateway's provider is none any more.
  private func gatewayAccess(of number: PhoneNumber) async throws(Stop) -> GatewayAccess? {
    guard let id = number.gatewayProviderID else { return nil }
    let found = try await stored { () async throws(StoreError) in
      try await ports.store.tenant(number.tenant).provider(id)
    }
    guard let provider = found?.provider, provider.kind == .liveKit else { return nil }
    do {
      return try provider.gatewayAccess(ports.sealer)
    } catch {
      throw .sealing(error)
    }
  }
}
