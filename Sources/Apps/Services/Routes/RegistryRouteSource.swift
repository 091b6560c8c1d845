internal import API
package import CallDispatch
package import GRPC
package import Telephony

/// The dispatch's routes, from a registry behind a channel: in this process or over the network.
package struct RegistryRouteSource: RouteSource {
  private let client: Trunkline.Internal.V1.RouteServiceClient
  private let regions: [Region]
  private let credentials: RegistryCredentialSource

  /// `credentials` forgets what it keeps of a provider when the provider's route changes, so that a
  /// new key is used at once.
  package init(
    channel: any Channel, regions: Set<Region>, credentials: RegistryCredentialSource
  ) {
    client = Trunkline.Internal.V1.RouteServiceClient(channel: channel)
    self.regions = regions.sorted()
    self.credentials = credentials
  }

  package func follow(
    after place: RoutePlace?,
    _ body: (RouteUpdate) async -> Void
  ) async throws(RouteSourceError) {
    var request = Trunkline.Internal.V1.WatchRoutesRequest()
    request.epoch = place?.epoch ?? ""
    request.afterSequence = place?.revision ?? 0
    request.regions = regions.map { Trunkline.V1.Region($0) }
    do throws(RPCError) {
      try await client.watchRoutes(request) { (responses) async throws(RPCError) in
        var epoch = place?.epoch ?? ""
        while let response = try await responses.next() {
          for update in self.updates(of: response, epoch: &epoch) { await body(update) }
        }
      }
    } catch {
      throw Task.isCancelled ? .cancelled : .unavailable
    }
  }

  /// What a step of the stream says; nothing for a step that this version does not know.
  private func updates(
    of response: Trunkline.Internal.V1.WatchRoutesResponse, epoch: inout String
  ) -> [RouteUpdate] {
    switch response.step {
    case .snapshotBegin(let begin):
      epoch = begin.epoch
      return [.snapshotBegan]
    case .entries(let entries):
      return entries.entries.compactMap { change(to: $0) }.map { .changed($0, at: nil) }
    case .snapshotEnd(let end):
      return [.snapshotEnded(RoutePlace(epoch: epoch, revision: end.sequence))]
    case .change(let change):
      let place = RoutePlace(epoch: epoch, revision: change.sequence)
      let known: CallDispatch.RouteChange? =
        switch change.change {
        case .entry(let entry): self.change(to: entry)
        case .removal(let removal): self.change(by: removal)
        case nil: nil
        }
      return known.map { [.changed($0, at: place)] } ?? []
    case .heartbeat, nil:
      return []
    }
  }

  private func change(
    to entry: Trunkline.Internal.V1.RouteEntry
  ) -> CallDispatch.RouteChange? {
    switch entry.entry {
    case .number(let number):
      CallDispatch.NumberRoute(number).map { .setNumber($0) }
    case .provider(let provider):
      CallDispatch.ProviderRoute(provider).map { route in
        credentials.forget(route.id)
        return .setProvider(route)
      }
    case .agent(let agent): CallDispatch.AgentRoute(agent).map { .setAgent($0) }
    case nil: nil
    }
  }

  private func change(
    by removal: Trunkline.Internal.V1.RouteRemoval
  ) -> CallDispatch.RouteChange? {
    switch removal.removed {
    case .numberID(let id): (try? PhoneNumberID(id)).map { .removeNumber($0) }
    case .providerID(let id): (try? ProviderID(id)).map { .removeProvider($0) }
    case .agentID(let id):
      if let tenant = try? TenantID(removal.tenantID), let agent = try? AgentID(id) {
        .removeAgent(tenant, agent)
      } else {
        nil
      }
    case nil: nil
    }
  }
}
