import API
import CommandLine
import GRPC
import Protobuf
import Synchronization
import Testing
import WellKnown

@Suite struct PhoneNumberBatchTests {
  private static let list = """
    # the lobby
    +15005550006,Front desk

    +15005550007
    +15005550008, a, b
    """
  private static let line = "phone-numbers import --from-file n.csv --provider-id prv_1"
  private static let resumption = "trunkline \(line) --request-id request-1"

  private static func answers(
    cutAfter: Int = .max
  ) -> [V1.BatchImportPhoneNumbersResponse] {
    let status = Google.Rpc.Status(
      RPCError(.failedPrecondition, "No such number.", reason: "NUMBER_NOT_AT_CARRIER"))
    let all: [V1.BatchImportPhoneNumbersResponse] = [
      .init(
        result: .init(index: 1, outcome: .error(status)), doneCount: 1, failedCount: 1,
        totalCount: 3),
      .init(
        result: .init(index: 0, outcome: .phoneNumber(.init(id: "pn_1", label: "Front desk"))),
        doneCount: 2, failedCount: 1, totalCount: 3),
      .init(
        result: .init(index: 2, outcome: .phoneNumber(.init(id: "pn_3", label: "a, b"))),
        doneCount: 3, failedCount: 1, totalCount: 3),
      .init(doneCount: 3, failedCount: 1, totalCount: 3),
    ]
    return Array(all.prefix(cutAfter))
  }

  /// A server that answers; the first stream is cut after so many answers.
  private func harness(
    _ requests: Requests<V1.BatchImportPhoneNumbersRequest>, cutAfter: Int = .max,
    isErrorTerminal: Bool = false
  ) -> CommandHarness {
    CommandHarness(files: ["n.csv": Self.list], isErrorTerminal: isErrorTerminal) { router in
      router.serverStreaming(
        V1.PhoneNumberServiceMethods.batchImportPhoneNumbers,
        V1.BatchImportPhoneNumbersRequest.self, V1.BatchImportPhoneNumbersResponse.self
      ) { (request, writer, _) async throws(RPCError) in
        let isCut = requests.append(request) == 1 && cutAfter < .max
        for answer in Self.answers(cutAfter: isCut ? cutAfter : .max) {
          try await writer.write(answer)
        }
        if isCut { throw RPCError(.unavailable, "Gone.") }
      }
    }
  }

  @Test func importsAFileAndListsWhatFailed() async {
    let requests = Requests<V1.BatchImportPhoneNumbersRequest>()
    let outcome = await harness(requests).run(Self.line)
    #expect(outcome.status == .partial)
    #expect(
      outcome.output == """
        1/3 failed +15005550007 No such number. (NUMBER_NOT_AT_CARRIER)
        2/3 imported +15005550006 pn_1 Front desk
        3/3 imported +15005550008 pn_3 a, b
        NUMBER        LABEL  ERROR
        +15005550007  -      No such number. (NUMBER_NOT_AT_CARRIER)
        Imported 2 of 3 numbers.

        """)
    #expect(
      outcome.errors == """
        If this is cut, resume it with:
          \(Self.resumption)
        This tries again what is not imported:
          \(Self.resumption)
        error: 1 of 3 numbers were not imported.

        """)
    let request = requests.last
    #expect(request?.providerID == "prv_1")
    #expect(request?.requestID == "request-1")
    #expect(
      request?.numbers.map(\.e164) == ["+15005550006", "+15005550007", "+15005550008"])
    #expect(request?.numbers.map(\.label) == ["Front desk", "", "a, b"])
  }

  @Test func resumesAStreamThatWasCutAndTellsEachNumberOnce() async {
    let requests = Requests<V1.BatchImportPhoneNumbersRequest>()
    let harness = harness(requests, cutAfter: 2)
    let outcome = await harness.run(Self.line)
    #expect(outcome.status == .partial)
    #expect(requests.all.map(\.requestID) == ["request-1", "request-1"])
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.filter { $0.contains("imported +") }.count == 2)
    #expect(lines.filter { $0.contains("failed +") }.count == 1)
  }

  @Test func drawsABarOnATerminal() async {
    let requests = Requests<V1.BatchImportPhoneNumbersRequest>()
    let outcome = await harness(requests, isErrorTerminal: true).run(Self.line)
    #expect(outcome.errors.contains("\r[##########....................] 1/3, 1 failed"))
    #expect(outcome.errors.contains("\r[##############################] 3/3, 1 failed\n"))
    #expect(!outcome.output.contains("1/3"))
    #expect(outcome.output.hasPrefix("NUMBER"))
  }

  @Test func printsEachAnswerAsJSON() async {
    let requests = Requests<V1.BatchImportPhoneNumbersRequest>()
    let outcome = await harness(requests).run(Self.line + " -o json")
    #expect(outcome.status == .partial)
    #expect(outcome.output.split(separator: "\n").count == 4)
    #expect(outcome.errors.contains(#""status":"PARTIAL""#))
  }

  @Test func refusesWhatDoesNotFitTogether() async {
    let harness = harness(Requests())
    for line in [
      "phone-numbers import --provider-id prv_1", Self.line + " +15005550006",
      Self.line + " --label x", Self.line + " --validate-only",
      "phone-numbers import --from-file none.csv --provider-id prv_1",
    ] {
      #expect(await harness.run(line).status == .usage, "\(line)")
    }
  }
}
