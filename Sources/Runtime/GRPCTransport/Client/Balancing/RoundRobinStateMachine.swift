/// round_robin: a connection to every address, calls to those that are ready in turn
/// (grpc/doc/load-balancing.md). An address that failed counts as failed until it is ready, so that
/// a channel without a server doesn't waver.
struct RoundRobinStateMachine {
  private var ids: [SubchannelID] = []
  private var states: [SubchannelID: ConnectivityState] = [:]

  init() {}

  var state: ConnectivityState {
    let all = states.values
    if all.contains(.ready) { return .ready }
    if all.contains(where: { $0 == .connecting || $0 == .idle }) { return .connecting }
    return .transientFailure
  }

  var picker: Picker {
    let ready = ids.filter { states[$0] == .ready }
    if !ready.isEmpty { return .ready(ready) }
    return state == .connecting ? .wait : .fail
  }

  mutating func addressesChanged(_ new: [SubchannelID]) -> [LoadBalancingAction] {
    ids = new
    states = states.filter { new.contains($0.key) }
    var actions: [LoadBalancingAction] = []
    for id in new where states[id] == nil {
      states[id] = .idle
      actions.append(.connect(id))
    }
    return actions
  }

  mutating func subchannelChanged(
    _ id: SubchannelID, _ state: ConnectivityState
  ) -> [LoadBalancingAction] {
    guard let before = states[id] else { return [] }
    switch state {
    case .idle:
      // A connection ended, or a back-off passed: the address is connected again at once.
      if before != .transientFailure { states[id] = .connecting }
      return before == .ready ? [.resolve, .connect(id)] : [.connect(id)]
    case .connecting:
      if before != .transientFailure { states[id] = .connecting }
      return []
    case .ready:
      states[id] = .ready
      return []
    case .transientFailure, .shutdown:
      states[id] = .transientFailure
      return [.resolve]
    }
  }
}
