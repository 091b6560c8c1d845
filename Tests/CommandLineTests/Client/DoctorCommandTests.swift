import API
import CommandLine
import GRPC
import Protobuf
import Synchronization
import Testing

/// What `trunkline doctor` asks, prints and ends with.
@Suite struct DoctorCommandTests {
  private func run(
    _ line: String, _ findings: [V1.DiagnosisFinding], leftOut: Int32 = 0
  ) async -> (V1.DiagnoseProviderRequest?, CommandHarness.Outcome) {
    let asked = Mutex<V1.DiagnoseProviderRequest?>(nil)
    let harness = CommandHarness { router in
      router.unary(
        V1.ProviderServiceMethods.diagnoseProvider, V1.DiagnoseProviderRequest.self,
        V1.DiagnoseProviderResponse.self
      ) { (request, _) async throws(RPCError) in
        asked.withLock { $0 = request }
        return V1.DiagnoseProviderResponse(findings: findings, leftOutNumberCount: leftOut)
      }
    }
    let outcome = await harness.run("doctor " + line)
    return (asked.withLock { $0 }, outcome)
  }

  private func finding(
    _ code: String, _ severity: V1.DiagnosisFinding.Severity, remedy: String = ""
  ) -> V1.DiagnosisFinding {
    var finding = V1.DiagnosisFinding()
    finding.code = code
    finding.severity = severity
    finding.subject = .country("US")
    finding.evidence = "seen"
    finding.remedy = remedy
    return finding
  }

  @Test func itAsksForCountriesInCapitals() async throws {
    let (asked, outcome) = await run("prv_1 --country us,GB --country lv --limit 7", [])
    let request = try #require(asked)
    #expect(request.providerID == "prv_1" && request.numberLimit == 7)
    #expect(request.countries == ["US", "GB", "LV"])
    #expect(outcome == .init(status: .success, output: "", errors: ""))
  }

  @Test func warningsAreNoFailure() async {
    let (_, outcome) = await run(
      "prv_1", [finding("A_B", .warning, remedy: "Do it."), finding("C_D", .info)])
    #expect(outcome.status == .success)
    #expect(
      outcome.output == """
        warning: A_B US
        seen:    seen
        to do:   Do it.

        info: C_D US
        seen: seen

        """)
  }

  @Test func anErrorEndsWithOne() async {
    let (_, outcome) = await run("prv_1", [finding("A_B", .error), finding("C_D", .error)])
    #expect(outcome.status.rawValue == 1)
    #expect(outcome.errors == "error: 2 errors were found.\n")
    let (_, json) = await run("prv_1 -o json", [finding("A_B", .error)])
    #expect(json.status.rawValue == 1)
    #expect(json.output.hasPrefix("{\"findings\":[{\"code\":\"A_B\""))
    #expect(json.errors.contains("\"status\":\"UNHEALTHY\""))
  }

  @Test func whatWasLeftOutIsSaid() async {
    let (_, outcome) = await run("prv_1", [], leftOut: 3)
    #expect(outcome.errors == "3 numbers were not looked at.\n")
  }
}
