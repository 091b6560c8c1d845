internal import API
package import CallDispatch
package import GRPC
package import Registry
package import Telephony
internal import WellKnown

/// The dispatch's routes, from a registry behind a channel: in this process or over the network.
package struct RegistryRouteSource: RouteSource {
  private let client: Trunkline.Internal.V1.RouteServiceClient
  private let regions: [Region]
  private let credentials: RegistryCredentialSource
  private let copy: SealedRouteCopy?
  private let seals: TravelSeals

  /// `credentials` forgets what it keeps of a provider when the provider's route changes, so that a
  /// new key is used at once. `copy` writes down what comes. `sealer` has the keyring's keys: what
  /// comes under another than the present one is sealed anew.
  package init(
    channel: any Channel, regions: Set<Region>, credentials: RegistryCredentialSource,
    sealer: any SecretSealer, copy: SealedRouteCopy? = nil
  ) {
    self.copy = copy
    seals = TravelSeals(sealer: sealer)
    client = Trunkline.Internal.V1.RouteServiceClient(channel: channel)
    self.regions = regions.sorted()
    self.credentials = credentials
  }

  package func follow(
    after place: RoutePlace?,
    _ body: (RouteUpdate) async -> Void
  ) async throws(RouteSourceError) {
    // A copy that missed something is made anew.
    let place = copy?.needsSnapshot == true ? nil : place
    var request = Trunkline.Internal.V1.WatchRoutesRequest()
    request.epoch = place?.epoch ?? ""
    request.afterSequence = place?.revision ?? 0
    request.afterTime = place?.time.map { Google.Protobuf.Timestamp($0) }
    request.regions = regions.map { Trunkline.V1.Region($0) }
    do throws(RPCError) {
      try await client.watchRoutes(request) { (responses) async throws(RPCError) in
        var epoch = place?.epoch ?? ""
        while let sent = try await responses.next() {
          let response = seals.renewing(sent)
          for update in self.updates(of: response, epoch: &epoch) {
            switch update {
            case .snapshotBegan: credentials.beginAnew()
            case .changed(.setProvider(let route), _):
              credentials.forget(route.id, below: route.credentialRevision)
            default: break
            }
            await body(update)
          }
          // Memory first: calls must not wait for the disk.
          await copy?.record(response, epoch: epoch)
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
      return entries.entries.compactMap { CallDispatch.RouteChange(setting: $0) }
        .map { .changed($0, at: nil) }
    case .snapshotEnd(let end):
      return [.snapshotEnded(RoutePlace(end, epoch: epoch))]
    case .change(let change):
      let place = RoutePlace(change, epoch: epoch)
      let known: CallDispatch.RouteChange? =
        switch change.change {
        case .entry(let entry): CallDispatch.RouteChange(setting: entry)
        case .removal(let removal): CallDispatch.RouteChange(removing: removal)
        case nil: nil
        }
      return known.map { [.changed($0, at: place)] } ?? []
    case .heartbeat:
      return [.heard]
    case nil:
      return []
    }
  }
}

extension RoutePlace {
  init(_ end: Trunkline.Internal.V1.WatchRoutesResponse.SnapshotEnd, epoch: String) {
    self.init(epoch: epoch, revision: end.sequence, time: end.changeTime.map { Timestamp($0) })
  }

  init(_ change: Trunkline.Internal.V1.WatchRoutesResponse.RouteChange, epoch: String) {
    self.init(
      epoch: epoch, revision: change.sequence, time: change.changeTime.map { Timestamp($0) })
  }
}
