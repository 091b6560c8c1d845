package import GRPC
package import WellKnown

/// grpc.channelz.v1.Channelz: what servers, channels and connections do at the moment (gRFC A14).
///
/// It shows who is connected, so a program serves it only when it is asked to. It has no data of
/// its own: each answer is gathered when it is asked for. Callable from any executor.
package final class ChannelzService: Grpc.Channelz.V1.ChannelzProtocol {
  package typealias V1 = Grpc.Channelz.V1

  /// Entries of a page when the caller leaves it open.
  package static let pageSizeDefault = 100
  /// The most entries of a page.
  package static let pageSizeMax = 1000

  private let registry: IntrospectionRegistry

  /// Tells of what is in `registry` when it is asked.
  package init(_ registry: IntrospectionRegistry) { self.registry = registry }

  // MARK: Servers

  package func getServers(
    _ request: V1.GetServersRequest, context: ServerContext
  ) async throws(RPCError) -> V1.GetServersResponse {
    let size = try Self.pageSize(request.maxResults)
    let servers = registry.servers.filter { $0.id.rawValue >= request.startServerID }
    var response = V1.GetServersResponse(end: servers.count <= size)
    for server in servers.prefix(size) {
      response.server.append(V1.Server(await server.report()))
    }
    return response
  }

  package func getServer(
    _ request: V1.GetServerRequest, context: ServerContext
  ) async throws(RPCError) -> V1.GetServerResponse {
    V1.GetServerResponse(server: V1.Server(await (try server(request.serverID)).report()))
  }

  package func getServerSockets(
    _ request: V1.GetServerSocketsRequest, context: ServerContext
  ) async throws(RPCError) -> V1.GetServerSocketsResponse {
    let size = try Self.pageSize(request.maxResults)
    let sockets = await (try server(request.serverID)).sockets(
      from: EntityID(rawValue: request.startSocketID), atMost: size + 1)
    return V1.GetServerSocketsResponse(
      socketRef: sockets.prefix(size).map { V1.SocketRef($0) }, end: sockets.count <= size)
  }

  private func server(_ id: Int64) throws(RPCError) -> any IntrospectableServer {
    guard let server = registry.servers.first(where: { $0.id.rawValue == id }) else {
      throw RPCError(.notFound, "There is no server \(id).")
    }
    return server
  }

  // MARK: Channels

  package func getTopChannels(
    _ request: V1.GetTopChannelsRequest, context: ServerContext
  ) async throws(RPCError) -> V1.GetTopChannelsResponse {
    let size = try Self.pageSize(request.maxResults)
    let channels = registry.channels.filter { $0.id.rawValue >= request.startChannelID }
    var response = V1.GetTopChannelsResponse(end: channels.count <= size)
    for channel in channels.prefix(size) {
      response.channel.append(V1.Channel(await channel.report()))
    }
    return response
  }

  package func getChannel(
    _ request: V1.GetChannelRequest, context: ServerContext
  ) async throws(RPCError) -> V1.GetChannelResponse {
    guard let channel = registry.channels.first(where: { $0.id.rawValue == request.channelID })
    else { throw RPCError(.notFound, "There is no channel \(request.channelID).") }
    return V1.GetChannelResponse(channel: V1.Channel(await channel.report()))
  }

  /// Our channels have their connections themselves, which gRFC A14 allows.
  package func getSubchannel(
    _ request: V1.GetSubchannelRequest, context: ServerContext
  ) async throws(RPCError) -> V1.GetSubchannelResponse {
    throw RPCError(
      .notFound,
      "There is no subchannel \(request.subchannelID): channels here have sockets themselves.")
  }

  // MARK: Sockets

  package func getSocket(
    _ request: V1.GetSocketRequest, context: ServerContext
  ) async throws(RPCError) -> V1.GetSocketResponse {
    let id = EntityID(rawValue: request.socketID)
    for server in registry.servers {
      if let socket = await server.socket(id) {
        return V1.GetSocketResponse(socket: V1.Socket(socket))
      }
    }
    for channel in registry.channels {
      if let socket = await channel.socket(id) {
        return V1.GetSocketResponse(socket: V1.Socket(socket))
      }
    }
    throw RPCError(.notFound, "There is no socket \(request.socketID).")
  }

  private static func pageSize(_ wanted: Int64) throws(RPCError) -> Int {
    guard wanted >= 0 else {
      throw RPCError(.invalidArgument, "max_results is \(wanted); it can't be negative.")
    }
    return wanted == 0 ? pageSizeDefault : Int(min(wanted, Int64(pageSizeMax)))
  }
}
