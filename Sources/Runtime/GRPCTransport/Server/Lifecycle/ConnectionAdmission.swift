internal import Synchronization

/// Counts a server's connections, in all and by client, and says which are too many. Callable from
/// any executor: its loops share it.
final class ConnectionAdmission: Sendable {
  enum Refusal: Hashable {
    /// There are as many as ``ServerConfiguration/connectionsMax`` and the process's descriptors
    /// allow.
    case full(limit: Int)
    /// The client has as many as ``ServerConfiguration/connectionsPerAddressMax`` allows.
    case addressIsFull(limit: Int)

    /// A short name that never changes, for metrics.
    var name: String {
      switch self {
      case .full: "connections_max"
      case .addressIsFull: "connections_per_address_max"
      }
    }
  }

  private struct State {
    var count = 0
    var counts: [UInt64: Int] = [:]
  }

  /// The most connections.
  let connectionsMax: Int
  private let perAddressMax: Int
  private let state = Mutex(State())

  /// `descriptorsMax` is how many descriptors the process may have. Some are kept for files, the
  /// database and connections of its own: without any, more than the newcomer would fail.
  init(_ configuration: ServerConfiguration, descriptorsMax: Int) {
    let reserve = max(Self.reservedDescriptorsMin, descriptorsMax / 8)
    connectionsMax = max(1, min(configuration.connectionsMax, descriptorsMax - reserve))
    perAddressMax = configuration.connectionsPerAddressMax
  }

  /// So many descriptors, or an eighth of all if that is more, are not for clients.
  static let reservedDescriptorsMin = 32

  /// How many connections there are.
  var count: Int { state.withLock { $0.count } }

  /// A connection came from `network`, `nil` for a unix socket. `nil` when it may stay; then
  /// ``left(_:)`` is due for it.
  func came(_ network: UInt64?) -> Refusal? {
    state.withLock { state in
      guard state.count < connectionsMax else { return .full(limit: connectionsMax) }
      if let network {
        let count = state.counts[network, default: 0]
        guard count < perAddressMax else { return .addressIsFull(limit: perAddressMax) }
        state.counts[network] = count + 1
      }
      state.count += 1
      return nil
    }
  }

  /// A connection that was let in is closed.
  func left(_ network: UInt64?) {
    state.withLock { state in
      state.count -= 1
      guard let network, let count = state.counts[network] else { return }
      state.counts[network] = count > 1 ? count - 1 : nil
    }
  }
}

extension ConnectionAdmission.Refusal: CustomStringConvertible {
  /// For logs.
  var description: String {
    switch self {
    case .full(let limit):
      "The server has \(limit) connections, its limit (max-connections, or what the process's"
        + " descriptors allow, ulimit -n): one more was closed at once."
    case .addressIsFull(let limit):
      "The client's address has \(limit) connections, its limit (max-connections-per-address):"
        + " one more was closed at once."
    }
  }
}
