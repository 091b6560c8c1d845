package import Registry

/// A gateway of whose requests one fails, as the injector says.
package struct FaultyGateway: SIPGateway {
  private let base: FakeGateway
  private let injector: FaultInjector
  private let error: CarrierError

  package init(
    _ base: FakeGateway, _ injector: FaultInjector,
    error: CarrierError = CarrierError(.unavailable, effect: .unknown)
  ) {
    self.base = base
    self.injector = injector
    self.error = error
  }

  package func probe(_ access: GatewayAccess) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in try await base.probe(access) }
  }

  package func findInboundTrunk(
    named name: String, numbers: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayInboundTrunk? {
    try await step { () async throws(CarrierError) in
      try await base.findInboundTrunk(named: name, numbers: numbers, access)
    }
  }

  package func createInboundTrunk(
    _ trunk: GatewayInboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) -> String {
    try await step { () async throws(CarrierError) in
      try await base.createInboundTrunk(trunk, access)
    }
  }

  package func replaceInboundTrunk(
    _ id: String, by trunk: GatewayInboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.replaceInboundTrunk(id, by: trunk, access)
    }
  }

  package func findOutboundTrunk(
    named name: String, numbers: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayOutboundTrunk? {
    try await step { () async throws(CarrierError) in
      try await base.findOutboundTrunk(named: name, numbers: numbers, access)
    }
  }

  package func createOutboundTrunk(
    _ trunk: GatewayOutboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) -> String {
    try await step { () async throws(CarrierError) in
      try await base.createOutboundTrunk(trunk, access)
    }
  }

  package func replaceOutboundTrunk(
    _ id: String, by trunk: GatewayOutboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.replaceOutboundTrunk(id, by: trunk, access)
    }
  }

  package func deleteTrunk(_ id: String, _ access: GatewayAccess) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in try await base.deleteTrunk(id, access) }
  }

  package func findDispatchRule(
    named name: String, trunks: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayDispatchRule? {
    try await step { () async throws(CarrierError) in
      try await base.findDispatchRule(named: name, trunks: trunks, access)
    }
  }

  package func createDispatchRule(
    _ rule: GatewayDispatchRule, _ access: GatewayAccess
  ) async throws(CarrierError) -> String {
    try await step { () async throws(CarrierError) in
      try await base.createDispatchRule(rule, access)
    }
  }

  package func deleteDispatchRule(
    _ id: String, _ access: GatewayAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.deleteDispatchRule(id, access)
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
