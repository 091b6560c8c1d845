package import Registry
internal import Synchronization
internal import Telephony

/// SIP gateways in memory, each at its address: who knows one of its keys sees all that it has.
///
/// It keeps what LiveKit keeps: two inbound trunks of the same number and caller, and two rules of
/// the same trunk, are refused; passwords are not read back; a list without trunks tells all rules.
package final class FakeGateway: SIPGateway {
  /// A write that was done, in the order of the writes.
  package enum Write: Sendable, Hashable {
    case createdInboundTrunk(String)
    case replacedInboundTrunk(String)
    case createdOutboundTrunk(String)
    case replacedOutboundTrunk(String)
    case deletedTrunk(String)
    case createdDispatchRule(String)
    case deletedDispatchRule(String)
  }

  private struct Key {
    var secret: Secret
    var isAdmin: Bool
  }

  private struct Server {
    var keys: [String: Key] = [:]
    var inbound: [GatewayInboundTrunk] = []
    var outbound: [GatewayOutboundTrunk] = []
    var rules: [GatewayDispatchRule] = []
  }

  private struct State {
    var servers: [String: Server] = [:]
    var writes: [Write] = []
    var requests = 0
    var made = 0
    var outage: CarrierError?
    var outageStart = 0

    /// Ids grow, so that none is given twice.
    mutating func makeID(_ prefix: String) -> String {
      made += 1
      return "\(prefix)_\(made)"
    }
  }

  private let state = Mutex(State())

  package init() {}

  // MARK: What a test sets

  /// Makes the gateway at `url` know a key; the first key makes the gateway.
  ///
  /// - Parameter isAdmin: it may see and change trunks and rules.
  package func addKey(_ key: String, secret: String, url: String, isAdmin: Bool = true) {
    state.withLock { state in
      state.servers[url, default: Server()].keys[key] = Key(
        secret: Secret(secret), isAdmin: isAdmin)
    }
  }

  package func removeKey(_ key: String, url: String) {
    state.withLock { $0.servers[url]?.keys[key] = nil }
  }

  /// Removes a trunk or a rule behind our back.
  package func remove(_ id: String, url: String) {
    state.withLock { state in
      state.servers[url]?.inbound.removeAll { $0.id == id }
      state.servers[url]?.outbound.removeAll { $0.id == id }
      state.servers[url]?.rules.removeAll { $0.id == id }
    }
  }

  /// Puts an inbound trunk there that is not ours, and gives its id.
  @discardableResult
  package func plant(_ trunk: GatewayInboundTrunk, url: String) -> String {
    state.withLock { state in
      var planted = trunk
      planted.id = state.makeID("ST")
      state.servers[url, default: Server()].inbound.append(planted)
      return planted.id
    }
  }

  /// Every request fails so until it is set to nil, after `requests` more that succeed.
  package func setOutage(_ error: CarrierError?, after requests: Int = 0) {
    state.withLock { state in
      state.outage = error
      state.outageStart = state.requests + requests
    }
  }

  // MARK: What a test looks at

  /// With their passwords, oldest first.
  package func inboundTrunks(_ url: String) -> [GatewayInboundTrunk] {
    state.withLock { $0.servers[url]?.inbound ?? [] }
  }

  /// With their passwords, oldest first.
  package func outboundTrunks(_ url: String) -> [GatewayOutboundTrunk] {
    state.withLock { $0.servers[url]?.outbound ?? [] }
  }

  package func dispatchRules(_ url: String) -> [GatewayDispatchRule] {
    state.withLock { $0.servers[url]?.rules ?? [] }
  }

  package var writes: [Write] { state.withLock { $0.writes } }
  package var requestCount: Int { state.withLock { $0.requests } }

  // MARK: The port

  package func probe(_ access: GatewayAccess) async throws(CarrierError) {
    try perform(access) { _, _ throws(CarrierError) in }
  }

  package func findInboundTrunk(
    named name: String, numbers: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayInboundTrunk? {
    try perform(access) { server, _ throws(CarrierError) in
      var found = server.inbound.first {
        $0.name == name && Self.takes($0.numbers, oneOf: numbers)
      }
      found?.password = nil
      return found
    }
  }

  package func createInboundTrunk(
    _ trunk: GatewayInboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) -> String {
    try perform(access) { server, state throws(CarrierError) in
      try Self.check(trunk, among: server.inbound)
      var made = trunk
      made.id = state.makeID("ST")
      server.inbound.append(made)
      state.writes.append(.createdInboundTrunk(trunk.name))
      return made.id
    }
  }

  package func replaceInboundTrunk(
    _ id: String, by trunk: GatewayInboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) {
    try perform(access) { server, state throws(CarrierError) in
      guard let index = server.inbound.firstIndex(where: { $0.id == id }) else {
        throw Self.missing
      }
      try Self.check(trunk, among: server.inbound.filter { $0.id != id })
      server.inbound[index] = trunk
      server.inbound[index].id = id
      state.writes.append(.replacedInboundTrunk(trunk.name))
    }
  }

  package func findOutboundTrunk(
    named name: String, numbers: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayOutboundTrunk? {
    try perform(access) { server, _ throws(CarrierError) in
      var found = server.outbound.first {
        $0.name == name && Self.takes($0.numbers, oneOf: numbers)
      }
      found?.password = nil
      return found
    }
  }

  package func createOutboundTrunk(
    _ trunk: GatewayOutboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) -> String {
    try perform(access) { server, state throws(CarrierError) in
      try Self.check(trunk)
      var made = trunk
      made.id = state.makeID("ST")
      server.outbound.append(made)
      state.writes.append(.createdOutboundTrunk(trunk.name))
      return made.id
    }
  }

  package func replaceOutboundTrunk(
    _ id: String, by trunk: GatewayOutboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) {
    try perform(access) { server, state throws(CarrierError) in
      guard let index = server.outbound.firstIndex(where: { $0.id == id }) else {
        throw Self.missing
      }
      try Self.check(trunk)
      server.outbound[index] = trunk
      server.outbound[index].id = id
      state.writes.append(.replacedOutboundTrunk(trunk.name))
    }
  }

  package func deleteTrunk(_ id: String, _ access: GatewayAccess) async throws(CarrierError) {
    try perform(access) { server, state throws(CarrierError) in
      let count = server.inbound.count + server.outbound.count
      server.inbound.removeAll { $0.id == id }
      server.outbound.removeAll { $0.id == id }
      guard server.inbound.count + server.outbound.count < count else { return }
      state.writes.append(.deletedTrunk(id))
    }
  }

  package func findDispatchRule(
    named name: String, trunks: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayDispatchRule? {
    try perform(access) { server, _ throws(CarrierError) in
      server.rules.first { $0.name == name && Self.takes($0.trunkIDs, oneOf: trunks) }
    }
  }

  package func createDispatchRule(
    _ rule: GatewayDispatchRule, _ access: GatewayAccess
  ) async throws(CarrierError) -> String {
    try perform(access) { server, state throws(CarrierError) in
      let isTaken = server.rules.contains {
        $0.trunkIDs.isEmpty
          ? rule.trunkIDs.isEmpty : !Set($0.trunkIDs).isDisjoint(with: rule.trunkIDs)
      }
      guard !isTaken else { throw CarrierError(.conflict, effect: .refused) }
      var made = rule
      made.id = state.makeID("SDR")
      server.rules.append(made)
      state.writes.append(.createdDispatchRule(rule.name))
      return made.id
    }
  }

  package func deleteDispatchRule(
    _ id: String, _ access: GatewayAccess
  ) async throws(CarrierError) {
    try perform(access) { server, state throws(CarrierError) in
      guard let index = server.rules.firstIndex(where: { $0.id == id }) else { return }
      server.rules.remove(at: index)
      state.writes.append(.deletedDispatchRule(id))
    }
  }

  // MARK: -

  private static let missing = CarrierError(.notFound, effect: .refused, code: 404)

  private func perform<Result: Sendable>(
    _ access: GatewayAccess,
    _ body: (inout Server, inout State) throws(CarrierError) -> Result
  ) throws(CarrierError) -> Result {
    try state.withLock { state throws(CarrierError) in
      state.requests += 1
      if let outage = state.outage, state.requests > state.outageStart { throw outage }
      guard var server = state.servers[access.url] else {
        throw CarrierError(.unavailable, effect: .beforeSend)
      }
      guard let key = server.keys[access.apiKey] else {
        throw CarrierError(.keyUnknown, effect: .refused, code: 401)
      }
      guard key.secret == access.apiSecret else {
        throw CarrierError(.credentialsRefused, effect: .refused, code: 401)
      }
      guard key.isAdmin else { throw CarrierError(.notPermitted, effect: .refused, code: 403) }
      let result = try body(&server, &state)
      state.servers[access.url] = server
      return result
    }
  }

  /// A trunk of no numbers takes all of them, and who asks for none means any.
  private static func takes(_ has: [String], oneOf wanted: [String]) -> Bool {
    has.isEmpty || wanted.isEmpty || !Set(has).isDisjoint(with: wanted)
  }

  private static func check(
    _ trunk: GatewayInboundTrunk, among others: [GatewayInboundTrunk]
  ) throws(CarrierError) {
    let hasLogin = !trunk.username.isEmpty && trunk.password?.isEmpty == false
    guard !trunk.numbers.isEmpty || !trunk.allowedAddresses.isEmpty || hasLogin else {
      throw CarrierError(.invalidRequest, effect: .refused, code: 400)
    }
    for other in others
    where takes(other.numbers, oneOf: trunk.numbers)
      && takes(other.allowedNumbers, oneOf: trunk.allowedNumbers)
    {
      throw CarrierError(.conflict, effect: .refused, code: 400)
    }
  }

  private static func check(_ trunk: GatewayOutboundTrunk) throws(CarrierError) {
    guard !trunk.numbers.isEmpty, !trunk.address.isEmpty else {
      throw CarrierError(.invalidRequest, effect: .refused, code: 400)
    }
  }
}
