import EventLoops
import GRPC
import GRPCInProcess
import Testing

@testable import Interop

/// Every case, without a wire. What needs one (compression, connections) is tested from outside.
@Suite struct InteropCaseTests {
  /// What soaks are given here: their answers are looked at, not their times.
  private static let unhurried = {
    var soak = InteropClient.Soak()
    soak.latencyMax = .seconds(3600)
    soak.overallTimeout = .seconds(3600)
    return soak
  }()

  private func play(
    _ testCase: InteropCase, id: String = "one", soak: InteropClient.Soak = unhurried
  ) async -> CaseReport {
    let loop = EventLoop(name: "interop")
    let reports = LoadReports()
    let channel = InProcessChannel(
      router: Router(services: [
        InteropService(id: id, reports: reports, loop: loop), OpenRcaService(reports, loop: loop),
      ]))
    let client = InteropClient(
      channel: channel,
      withChannel: { (body) async throws(RPCError) in try await body(channel) }, loop: loop,
      soak: soak, concurrentCalls: 10)
    let report = await client.play(testCase)
    loop.stop()
    return report
  }

  private static let wireless = InteropCase.allCases.filter {
    $0 != .connectionScaling && !$0.rawValue.contains("compressed")
  }

  @Test(arguments: wireless) func passes(_ testCase: InteropCase) async {
    #expect(await play(testCase).failures == [])
  }

  @Test func aServerWithoutANameFails() async {
    #expect(await play(.pickFirstUnary, id: "").failures == ["A response has no server_id."])
  }

  @Test func aSlowSoakFails() async {
    var soak = InteropClient.Soak()
    soak.latencyMax = .zero
    soak.overallTimeout = .seconds(60)
    soak.iterations = 2
    #expect(await play(.rpcSoak, soak: soak).failures.count == 3)
    soak.failuresMax = 2
    #expect(await play(.rpcSoak, soak: soak).failures == [])
  }
}
