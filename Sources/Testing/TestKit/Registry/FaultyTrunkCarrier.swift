package import Registry
package import Telephony

/// Trunks of which one request fails, as the injector says.
package struct FaultyTrunkCarrier: TrunkCarrier {
  private let base: FakeTrunkCarrier
  private let injector: FaultInjector
  private let error: CarrierError

  package init(
    _ base: FakeTrunkCarrier, _ injector: FaultInjector,
    error: CarrierError = CarrierError(.unavailable, effect: .unknown)
  ) {
    self.base = base
    self.injector = injector
    self.error = error
  }

  package func findTrunk(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunkSID? {
    try await step { () async throws(CarrierError) in
      try await base.findTrunk(named: name, access)
    }
  }

  package func createTrunk(
    named name: String, domain: String, isSecure: Bool, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunkSID {
    try await step { () async throws(CarrierError) in
      try await base.createTrunk(named: name, domain: domain, isSecure: isSecure, access)
    }
  }

  package func deleteTrunk(
    _ sid: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in try await base.deleteTrunk(sid, access) }
  }

  package func findOriginationURL(
    named name: String, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierOriginationURL? {
    try await step { () async throws(CarrierError) in
      try await base.findOriginationURL(named: name, on: trunk, access)
    }
  }

  package func createOriginationURL(
    named name: String, sipURL: String, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> OriginationURLSID {
    try await step { () async throws(CarrierError) in
      try await base.createOriginationURL(named: name, sipURL: sipURL, on: trunk, access)
    }
  }

  package func deleteOriginationURL(
    _ sid: OriginationURLSID, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.deleteOriginationURL(sid, on: trunk, access)
    }
  }

  package func findCredentialList(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CredentialListSID? {
    try await step { () async throws(CarrierError) in
      try await base.findCredentialList(named: name, access)
    }
  }

  package func createCredentialList(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CredentialListSID {
    try await step { () async throws(CarrierError) in
      try await base.createCredentialList(named: name, access)
    }
  }

  package func deleteCredentialList(
    _ sid: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.deleteCredentialList(sid, access)
    }
  }

  package func hasCredential(
    _ username: String, in list: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> Bool {
    try await step { () async throws(CarrierError) in
      try await base.hasCredential(username, in: list, access)
    }
  }

  package func createCredential(
    _ username: String, password: Secret, in list: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.createCredential(username, password: password, in: list, access)
    }
  }

  package func isAttached(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> Bool {
    try await step { () async throws(CarrierError) in
      try await base.isAttached(list, to: trunk, access)
    }
  }

  package func attach(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.attach(list, to: trunk, access)
    }
  }

  package func detach(
    _ list: CredentialListSID, from trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.detach(list, from: trunk, access)
    }
  }

  package func attach(
    _ number: CarrierNumberSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.attach(number, to: trunk, access)
    }
  }

  private func step<Result: Sendable>(
    _ body: () async throws(CarrierError) -> Result
  ) async throws(CarrierError) -> Result {
    switch injector.step() {
    case .proceed:
      return try await body()
    case .failBefore:
      throw CarrierError(error.kind, effect: .beforeSend, code: error.code)
    case .failAfter:
      _ = try await body()
      throw error
    }
  }
}
