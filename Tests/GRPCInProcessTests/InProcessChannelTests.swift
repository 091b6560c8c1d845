import GRPC
import GRPCInProcess
import TestKit
import Testing

struct InProcessChannelTests {
  @Test(.timeLimit(.minutes(1))) func keepsTheRulesOfCalls() async throws {
    let service = CallTestService()
    let channel = InProcessChannel(router: Router(services: [service]))
    try await CallConformance(channel, service).runAll()
  }
}
