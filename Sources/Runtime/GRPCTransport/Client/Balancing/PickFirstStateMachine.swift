/// pick_first: one connection, to the first address that takes it (grpc/doc/load-balancing.md,
/// gRFC A62).
///
/// ```
/// idle ──connectionWanted──▶ connecting ──one is ready──▶ ready ──it ended──▶ idle
///                               │ all failed                ▲
///                               ▼                           │
///                       transientFailure ──one is ready─────┘   (each is tried after its back-off)
/// ```
struct PickFirstStateMachine {
  private enum Phase: Equatable {
    case idle
    /// The address at this place of the list is tried.
    case connecting(at: Int)
    case ready(SubchannelID)
    case transientFailure
  }

  private var ids: [SubchannelID] = []
  private var states: [SubchannelID: ConnectivityState] = [:]
  private var phase = Phase.idle

  init() {}

  var state: ConnectivityState {
    switch phase {
    case .idle: .idle
    case .connecting: .connecting
    case .ready: .ready
    case .transientFailure: .transientFailure
    }
  }

  var picker: Picker {
    switch phase {
    case .idle, .connecting: .wait
    case .ready(let id): .ready([id])
    case .transientFailure: .fail
    }
  }

  mutating func addressesChanged(_ new: [SubchannelID]) -> [LoadBalancingAction] {
    ids = new
    states = states.filter { new.contains($0.key) }
    switch phase {
    case .idle:
      if new.isEmpty { phase = .transientFailure }
      return []
    case .ready(let id):
      if new.contains(id) { return [] }
      // The address is gone; its calls end there. The next call connects to another one.
      phase = new.isEmpty ? .transientFailure : .idle
      return []
    case .connecting, .transientFailure:
      return tryNext(from: 0)
    }
  }

  mutating func connectionWanted() -> [LoadBalancingAction] {
    guard case .idle = phase else { return [] }
    return tryNext(from: 0)
  }

  mutating func subchannelChanged(
    _ id: SubchannelID, _ state: ConnectivityState
  ) -> [LoadBalancingAction] {
    guard let place = ids.firstIndex(of: id) else { return [] }
    states[id] = state
    switch (state, phase) {
    case (.ready, .ready(let chosen)):
      // Two were on their way when the first of them came about.
      return chosen == id ? [] : [.disconnect(id)]
    case (.ready, _):
      phase = .ready(id)
      return []
    case (_, .ready(let chosen)):
      guard chosen == id else { return [] }
      phase = .idle
      return [.resolve]
    case (.transientFailure, .connecting(let current)):
      return place == current ? tryNext(from: current + 1) : []
    case (.idle, .connecting(let current)):
      // Its back-off has passed, or a connection ended before it was used.
      return place == current ? [.connect(id)] : []
    case (.idle, .transientFailure):
      return [.connect(id)]
    default:
      return []
    }
  }

  /// Tries the next address that is not in its back-off.
  private mutating func tryNext(from start: Int) -> [LoadBalancingAction] {
    for place in start..<max(ids.count, start) {
      switch states[ids[place]] ?? .idle {
      case .idle:
        phase = .connecting(at: place)
        return [.connect(ids[place])]
      case .connecting:
        phase = .connecting(at: place)
        return []
      case .ready:
        phase = .ready(ids[place])
        return []
      case .transientFailure, .shutdown:
        continue
      }
    }
    phase = .transientFailure
    // Those whose back-off passed meanwhile are tried from now on, each for itself.
    return [.resolve]
      + ids.filter { (states[$0] ?? .idle) == .idle }.map { LoadBalancingAction.connect($0) }
  }
}
