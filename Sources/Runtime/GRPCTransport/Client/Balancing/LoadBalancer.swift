/// How a channel chooses among the addresses of its target.
package enum LoadBalancing: Hashable, Sendable {
  /// The addresses are tried in turn until one connects; all calls go there.
  case pickFirst(shuffles: Bool)
  /// All addresses are connected; calls go to those that are ready in turn.
  case roundRobin
}

/// One address of a channel's, in events and actions.
struct SubchannelID: Hashable, Sendable {
  let number: Int
}

/// What a policy wants done.
enum LoadBalancingAction: Equatable {
  case connect(SubchannelID)
  /// End the connection; the address is kept.
  case disconnect(SubchannelID)
  /// Look the target up again.
  case resolve
}

/// Where calls go.
enum Picker: Equatable {
  /// They wait.
  case wait
  /// To these in turn. Not empty.
  case ready([SubchannelID])
  /// Nowhere: those that don't wait for a connection fail.
  case fail
}

/// A policy: the states of all addresses in, connections to make and a picker out. Pure cores.
enum LoadBalancer {
  case pickFirst(PickFirstStateMachine)
  case roundRobin(RoundRobinStateMachine)

  init(_ policy: LoadBalancing) {
    switch policy {
    case .pickFirst: self = .pickFirst(PickFirstStateMachine())
    case .roundRobin: self = .roundRobin(RoundRobinStateMachine())
    }
  }

  /// The target has these addresses now. One that is new is idle. An empty list is a failure.
  mutating func addressesChanged(_ ids: [SubchannelID]) -> [LoadBalancingAction] {
    switch self {
    case .pickFirst(var machine):
      defer { self = .pickFirst(machine) }
      return machine.addressesChanged(ids)
    case .roundRobin(var machine):
      defer { self = .roundRobin(machine) }
      return machine.addressesChanged(ids)
    }
  }

  /// One of them changed its state.
  mutating func subchannelChanged(
    _ id: SubchannelID, _ state: ConnectivityState
  ) -> [LoadBalancingAction] {
    switch self {
    case .pickFirst(var machine):
      defer { self = .pickFirst(machine) }
      return machine.subchannelChanged(id, state)
    case .roundRobin(var machine):
      defer { self = .roundRobin(machine) }
      return machine.subchannelChanged(id, state)
    }
  }

  /// A call came, or somebody wants the channel connected.
  mutating func connectionWanted() -> [LoadBalancingAction] {
    guard case .pickFirst(var machine) = self else { return [] }
    defer { self = .pickFirst(machine) }
    return machine.connectionWanted()
  }

  var state: ConnectivityState {
    switch self {
    case .pickFirst(let machine): machine.state
    case .roundRobin(let machine): machine.state
    }
  }

  var picker: Picker {
    switch self {
    case .pickFirst(let machine): machine.picker
    case .roundRobin(let machine): machine.picker
    }
  }
}
