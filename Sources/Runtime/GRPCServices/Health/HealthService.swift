package import GRPC
internal import Synchronization
package import WellKnown

/// grpc.health.v1.Health: says which services take calls, and tells watchers when that changes.
///
/// The empty name is the server as a whole. Callable from any executor.
package final class HealthService: Grpc.Health.V1.HealthProtocol {
  package typealias Status = Grpc.Health.V1.HealthCheckResponse.ServingStatus

  /// The most services that List answers with (gRFC A90).
  package static let listMax = 100

  private struct State {
    var statuses: [String: Status] = [:]
    /// Who watches which service; a watcher is woken by an element in its pipe.
    var watchers: [Int: (service: String, wake: Pipe<Void>)] = [:]
    var nextWatcher = 0
    var isShutDown = false
  }

  private let state = Mutex(State())

  /// Makes it with the server and `services` serving.
  package init(serving services: [String] = []) {
    state.withLock { state in
      for service in services + [""] { state.statuses[service] = .serving }
    }
  }

  /// Says how a service is. After ``shutDown()`` it does nothing.
  package func set(_ status: Status, for service: String) {
    let wakes = state.withLock { state -> [Pipe<Void>] in
      guard !state.isShutDown else { return [] }
      state.statuses[service] = status
      return state.watchers.values.filter { $0.service == service }.map(\.wake)
    }
    for wake in wakes { Self.notify(wake) }
  }

  /// Says for good that every service is about to stop: the first step of a shutdown.
  package func shutDown() {
    let wakes = state.withLock { state -> [Pipe<Void>] in
      state.isShutDown = true
      for service in state.statuses.keys { state.statuses[service] = .notServing }
      return state.watchers.values.map(\.wake)
    }
    for wake in wakes { Self.notify(wake) }
  }

  /// One element is enough: the watcher reads the status as it is then.
  private static func notify(_ wake: Pipe<Void>) {
    if wake.waitingCost == 0 { wake.push((), cost: 1) }
  }

  package func check(
    _ request: Grpc.Health.V1.HealthCheckRequest, context: ServerContext
  ) async throws(RPCError) -> Grpc.Health.V1.HealthCheckResponse {
    guard let status = state.withLock({ $0.statuses[request.service] }) else {
      throw RPCError(.notFound, "The server has no service with this name.")
    }
    return Grpc.Health.V1.HealthCheckResponse(status: status)
  }

  package func list(
    _ request: Grpc.Health.V1.HealthListRequest, context: ServerContext
  ) async throws(RPCError) -> Grpc.Health.V1.HealthListResponse {
    let statuses = state.withLock { $0.statuses }
    guard statuses.count <= Self.listMax else {
      throw RPCError(
        .resourceExhausted,
        "The server has \(statuses.count) services; List answers with up to \(Self.listMax).")
    }
    return Grpc.Health.V1.HealthListResponse(
      statuses: statuses.mapValues { Grpc.Health.V1.HealthCheckResponse(status: $0) })
  }

  package func watch(
    _ request: Grpc.Health.V1.HealthCheckRequest,
    responses: ResponseWriter<Grpc.Health.V1.HealthCheckResponse>, context: ServerContext
  ) async throws(RPCError) {
    let wake = Pipe<Void>(costMax: 1)
    let watcher = state.withLock { state -> Int in
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = (request.service, wake)
      return state.nextWatcher
    }
    defer { state.withLock { $0.watchers[watcher] = nil } }
    var last: Status?
    while true {
      let status = state.withLock { $0.statuses[request.service] } ?? .serviceUnknown
      if status != last {
        try await responses.write(Grpc.Health.V1.HealthCheckResponse(status: status))
        last = status
      }
      guard case .element = await wake.receive() else { throw context.cancellationError }
    }
  }
}
