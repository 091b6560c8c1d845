package import Telephony

/// All routes, so small that a million numbers fit in memory: a number is 32 bytes beside its id
/// and refers to provider, agent and tenant by slot.
///
/// A value without lock; `RouteDirectory` shares it.
package struct RouteTable: Sendable {
  private struct AgentKey: Hashable, Sendable {
    let tenant: TenantID
    let agent: AgentID
  }

  private struct Flags: OptionSet, Sendable {
    let rawValue: UInt8
    static let takesInbound = Flags(rawValue: 1)
    static let placesOutbound = Flags(rawValue: 2)
    static let redirects = Flags(rawValue: 4)
    static let hasAgent = Flags(rawValue: 8)
    static let moves = Flags(rawValue: 16)
    static let isSIP = Flags(rawValue: 32)
  }

  private struct PackedNumber: Sendable {
    var e164: E164
    var provider: UInt32
    var agent: UInt32
    var tenant: UInt32
    var webhookGeneration: UInt32
    var mark: UInt32
    var flags: Flags
  }

  private struct FormerURL: Sendable {
    var url: String
    var method: RedirectMethod
  }

  private var providers = Interned<ProviderID, ProviderRoute>()
  private var agents = Interned<AgentKey, AgentRoute>()
  private var tenants = Interned<TenantID, Bool>()
  private var numbers: [PhoneNumberID: PackedNumber] = [:]
  private var formerURLs: [PhoneNumberID: FormerURL] = [:]
  /// Where numbers are being moved: slots of providers.
  private var pending: [PhoneNumberID: UInt32] = [:]
  private var mark: UInt32 = 0

  /// Where the table stands; nil before the first whole snapshot.
  package private(set) var place: RoutePlace?

  package init() {}

  package var numberCount: Int { numbers.count }
  /// What agents occupy, used and free.
  package var agentSlotCount: Int { agents.slotCount }

  /// Takes one update of the feed. During a snapshot the old routes stay in use.
  package mutating func apply(_ update: RouteUpdate) {
    switch update {
    case .snapshotBegan: mark &+= 1
    case .snapshotEnded(let place):
      sweep()
      self.place = place
    case .changed(let change, let place):
      apply(change)
      if let place { self.place = place }
    case .heard: break
    }
  }

  /// The number with what it refers to, as far as that is known.
  package func number(_ id: PhoneNumberID) -> ResolvedNumber? {
    guard let packed = numbers[id], let tenant = tenants[packed.tenant]?.key,
      let provider = providers[packed.provider]
    else { return nil }
    let agent = packed.flags.contains(.hasAgent) ? agents[packed.agent] : nil
    let former = packed.flags.contains(.redirects) ? formerURLs[id] : nil
    let slot = packed.flags.contains(.moves) ? pending[id] : nil
    let target = slot.flatMap { providers[$0] }
    let route = NumberRoute(
      id: id, tenant: tenant, provider: provider.key, e164: packed.e164,
      webhookGeneration: packed.webhookGeneration, agent: agent?.key.agent,
      takesInbound: packed.flags.contains(.takesInbound),
      placesOutbound: packed.flags.contains(.placesOutbound),
      unassignedURL: former?.url, unassignedMethod: former?.method ?? .post,
      pendingProvider: target?.key, isSIP: packed.flags.contains(.isSIP))
    return ResolvedNumber(
      route: route, provider: provider.value, pendingProvider: target?.value,
      agent: agent?.value)
  }

  package func agent(_ id: AgentID, tenant: TenantID) -> AgentRoute? {
    agents[AgentKey(tenant: tenant, agent: id)]
  }

  package func provider(_ id: ProviderID) -> ProviderRoute? { providers[id] }

  package func providers(of regions: Set<Region>) -> [ProviderID] {
    providers.values.filter { regions.contains($0.region) }.map(\.id)
  }

  private mutating func apply(_ change: RouteChange) {
    switch change {
    case .setProvider(let route): providers.set(route.id, route, mark: mark)
    case .removeProvider(let id): providers.remove(id)
    case .setAgent(let route):
      agents.set(AgentKey(tenant: route.tenant, agent: route.id), route, mark: mark)
    case .removeAgent(let tenant, let agent):
      agents.remove(AgentKey(tenant: tenant, agent: agent))
    case .setNumber(let route): set(route)
    case .removeNumber(let id): remove(id)
    case .setToken, .removeToken: break  // The directory's, in a place of their own.
    }
  }

  private mutating func set(_ route: NumberRoute) {
    let former = numbers[route.id]
    guard former != nil || numbers.count < Limits.routesMax else { return }
    // What is retained first is not given to another key by the release of the old.
    let provider = providers.retain(route.provider)
    let tenant = tenants.retain(route.tenant)
    let agent = route.agent.map { agents.retain(AgentKey(tenant: route.tenant, agent: $0)) }
    let target = route.pendingProvider.map { providers.retain($0) }
    if let former { release(former, of: route.id) }
    var flags: Flags = []
    if let target {
      flags.insert(.moves)
      pending[route.id] = target
    }
    if route.takesInbound { flags.insert(.takesInbound) }
    if route.placesOutbound { flags.insert(.placesOutbound) }
    if agent != nil { flags.insert(.hasAgent) }
    if route.isSIP { flags.insert(.isSIP) }
    if let url = route.unassignedURL {
      flags.insert(.redirects)
      formerURLs[route.id] = FormerURL(url: url, method: route.unassignedMethod)
    }
    numbers[route.id] = PackedNumber(
      e164: route.e164, provider: provider, agent: agent ?? 0, tenant: tenant,
      webhookGeneration: route.webhookGeneration, mark: mark, flags: flags)
  }

  private mutating func remove(_ id: PhoneNumberID) {
    if let packed = numbers.removeValue(forKey: id) { release(packed, of: id) }
  }

  /// Lets go of what a number referred to.
  private mutating func release(_ packed: PackedNumber, of id: PhoneNumberID) {
    providers.release(packed.provider)
    tenants.release(packed.tenant)
    if packed.flags.contains(.hasAgent) { agents.release(packed.agent) }
    if packed.flags.contains(.redirects) { formerURLs[id] = nil }
    if packed.flags.contains(.moves), let slot = pending.removeValue(forKey: id) {
      providers.release(slot)
    }
  }

  private mutating func sweep() {
    let gone = numbers.filter { $0.value.mark != mark }.keys
    for id in gone { remove(id) }
    providers.sweep(keeping: mark)
    agents.sweep(keeping: mark)
  }
}

/// A number's route together with what it refers to.
package struct ResolvedNumber: Sendable, Hashable {
  package let route: NumberRoute
  /// Nil while the provider has not come, or is gone.
  package let provider: ProviderRoute?
  /// The provider that the number is being moved to; nil when it is not, or that one has not come.
  package let pendingProvider: ProviderRoute?
  /// Nil when none is assigned, or the assigned one has not come.
  package let agent: AgentRoute?

  package init(
    route: NumberRoute, provider: ProviderRoute?, pendingProvider: ProviderRoute? = nil,
    agent: AgentRoute?
  ) {
    self.route = route
    self.provider = provider
    self.pendingProvider = pendingProvider
    self.agent = agent
  }
}
