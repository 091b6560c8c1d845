import GRPC
import GRPCInProcess
import GRPCServices
import Testing
import WellKnown

@Suite(.timeLimit(.minutes(1))) struct HealthServiceTests {
  let health = HealthService(serving: ["a.A"])
  var client: Grpc.Health.V1.HealthClient {
    Grpc.Health.V1.HealthClient(
      channel: InProcessChannel(router: .standard(services: [], health: health)))
  }

  @Test func checkKnowsServicesAndTheServer() async throws {
    #expect(try await client.check(.init(service: "")).status == .serving)
    #expect(try await client.check(.init(service: "a.A")).status == .serving)
    await #expect(throws: RPCError(.notFound, "The server has no service with this name.")) {
      _ = try await client.check(.init(service: "b.B"))
    }
  }

  @Test func listNamesAll() async throws {
    health.set(.notServing, for: "a.A")
    let statuses = try await client.list(.init()).statuses
    #expect(statuses.mapValues(\.status) == ["": .serving, "a.A": .notServing])
  }

  @Test func watchTellsEveryChangeOnce() async throws {
    try await client.watch(.init(service: "b.B")) {
      (statuses: ResponseStream<Grpc.Health.V1.HealthCheckResponse>) async throws(RPCError) in
      #expect(try await statuses.next()?.status == .serviceUnknown)
      health.set(.serving, for: "b.B")
      #expect(try await statuses.next()?.status == .serving)
      health.set(.serving, for: "b.B")
      health.shutDown()
      #expect(try await statuses.next()?.status == .notServing)
    }
    health.set(.serving, for: "a.A")
    #expect(try await client.check(.init(service: "a.A")).status == .notServing)
  }
}
