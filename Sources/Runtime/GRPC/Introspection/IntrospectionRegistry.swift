internal import Synchronization

/// A server that can be looked into. Callable from any executor; it gathers on its own loops.
package protocol IntrospectableServer: AnyObject, Sendable {
  var id: EntityID { get }
  func report() async -> ServerReport
  /// At most `count` connections with `first` or a higher id, in the order of their ids.
  func sockets(from first: EntityID, atMost count: Int) async -> [SocketReference]
  /// A connection or a listening socket of this server.
  func socket(_ id: EntityID) async -> SocketReport?
}

/// A channel that can be looked into. Callable from any executor.
package protocol IntrospectableChannel: AnyObject, Sendable {
  var id: EntityID { get }
  func report() async -> ChannelReport
  /// A connection of this channel.
  func socket(_ id: EntityID) async -> SocketReport?
}

/// The servers and channels of a process that want to be looked into. Callable from any executor.
package final class IntrospectionRegistry: Sendable {
  private struct State {
    var servers: [EntityID: any IntrospectableServer] = [:]
    var channels: [EntityID: any IntrospectableChannel] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  /// Keeps `server` until it is removed.
  package func add(_ server: any IntrospectableServer) {
    state.withLock { $0.servers[server.id] = server }
  }

  /// Keeps `channel` until it is removed.
  package func add(_ channel: any IntrospectableChannel) {
    state.withLock { $0.channels[channel.id] = channel }
  }

  /// Forgets a server or a channel. One that is not there is no mistake.
  package func remove(_ id: EntityID) {
    state.withLock { state in
      state.servers[id] = nil
      state.channels[id] = nil
    }
  }

  /// In the order of their ids.
  package var servers: [any IntrospectableServer] {
    state.withLock { $0.servers.values.sorted { $0.id < $1.id } }
  }

  /// In the order of their ids.
  package var channels: [any IntrospectableChannel] {
    state.withLock { $0.channels.values.sorted { $0.id < $1.id } }
  }
}
