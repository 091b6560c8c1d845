internal import Synchronization
internal import Telephony

/// Looks at a LiveKit server, and at what was made there for numbers; keeps what it saw when the
/// time is over.
final class GatewayExamination: Sendable {
  private let facts: Mutex<DiagnosisFacts>
  private let access: GatewayAccess
  private let context: RegistryContext

  init(_ facts: DiagnosisFacts, _ access: GatewayAccess, _ context: RegistryContext) {
    self.facts = Mutex(facts)
    self.access = access
    self.context = context
  }

  /// What was seen by now.
  var seen: DiagnosisFacts { facts.withLock { $0 } }

  func run(within time: Duration) async {
    await Looking.within(time, context.time) { await self.look() }
  }

  private func look() async {
    let probe = await Looking.once { () async throws(CarrierError) in
      try await context.gateway.probe(access)
      return true
    }
    facts.withLock { $0.gateway = probe }
    guard case .found = probe else { return }
    let numbers = seen.numbers
    await Looking.all(
      numbers.indices.filter { numbers[$0].isSettled }.map { index in
        { await self.look(at: index, numbers[index].number) }
      })
  }

  private func look(at index: Int, _ number: PhoneNumber) async {
    let trunks: GatewayTrunks?
    do {
      trunks = try await wanted(of: number)
    } catch {
      // What it should be is not known, so that nothing is said of it.
      return
    }
    for resource in number.resources where resource.kind.isAtGateway {
      var work = ResourceWork(
        ports: context.outside, number: number, wanted: resource, account: .gateway(access),
        others: number)
      work.trunks = trunks
      let sight = await Looking.once { () async throws(CarrierError) in try await work.sight() }
      facts.withLock { $0.numbers[index].outside[resource.kind] = sight }
    }
  }

  /// What a gateway is to have of a number of a SIP trunk; nil for others.
  private func wanted(of number: PhoneNumber) async throws(RegistryError) -> GatewayTrunks? {
    guard number.ingress == .sip else { return nil }
    let provider = try await context.provider(number.providerID, tenant: number.tenant).provider
    do {
      return try provider.gatewayTrunks(for: number, context.sealer)
    } catch {
      throw RegistryError(error)
    }
  }
}
