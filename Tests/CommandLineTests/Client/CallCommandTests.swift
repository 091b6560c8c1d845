import API
import CommandLine
import GRPC
import Protobuf
import Testing
import WellKnown

@Suite struct CallCommandTests {
  private static func call(_ id: String, _ state: V1.Call.State) -> V1.Call {
    .with { call in
      call.id = id
      call.from = "+15005550006"
      call.to = "+15005550007"
      call.direction = .outbound
      call.state = state
    }
  }

  @Test func placesCallsAndTellsWhichWereRefused() async {
    let requests = Requests<V1.PlaceCallsRequest>()
    let info = Google.Rpc.ErrorInfo(reason: "EMERGENCY", domain: "trunkline.dev")
    let detail = Google.Protobuf.`Any`(
      typeURL: "type.googleapis.com/google.rpc.ErrorInfo", value: info.serialized())
    let status = Google.Rpc.Status(
      code: 7, message: "An emergency number is not called.", details: [detail])
    let harness = CommandHarness { router in
      router.answer(V1.CallDispatchServiceMethods.placeCalls, requests) { _, _ in
        V1.PlaceCallsResponse(results: [
          .init(result: .call(Self.call("call_us1_1", .queued))), .init(result: .error(status)),
        ])
      }
    }
    let outcome = await harness.run(
      "calls place +15005550007 +1911 --from pn_1 --ringing-timeout 30s --metadata a=b,c "
        + "--wait carrier")
    #expect(outcome.status == .partial)
    #expect(
      outcome.output == """
        TO            CALL        STATE   ERROR
        +15005550007  call_us1_1  queued  -
        +1911         -           -       An emergency number is not called. (EMERGENCY)
        Request id: request-1

        """)
    #expect(outcome.errors == "error: 1 of 2 calls were refused.\n")
    let request = requests.last
    #expect(request?.fromNumberID == "pn_1")
    #expect(request?.agentID == nil)
    #expect(request?.waitFor == .carrierAccepted)
    #expect(request?.ringingTimeout == .init(seconds: 30))
    #expect(request?.outboundCalls.map(\.toNumber) == ["+15005550007", "+1911"])
    #expect(request?.outboundCalls.first?.metadata == ["a": "b,c"])
  }

  @Test func hangsUpAgainWhenUnavailable() async {
    let requests = Requests<V1.HangUpCallRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.CallDispatchServiceMethods.hangUpCall, requests) {
        (_, count) throws(RPCError) in
        if count == 1 { throw RPCError(.unavailable, "Busy.") }
        return V1.HangUpCallResponse(call: Self.call("call_us1_1", .completed))
      }
    }
    let outcome = await harness.run("calls hangup call_us1_1")
    #expect(outcome.status == .success)
    #expect(outcome.output.contains("state:     completed\n"))
  }

  /// A server that sends `responses` and ends the stream; GetCall answers with a call that is over.
  private func watching(_ responses: [V1.WatchCallsResponse]) -> CommandHarness {
    CommandHarness { router in
      router.serverStreaming(
        V1.CallDispatchServiceMethods.watchCalls, V1.WatchCallsRequest.self,
        V1.WatchCallsResponse.self
      ) { (_, writer, _) async throws(RPCError) in
        for response in responses { try await writer.write(response) }
      }
      router.answer(V1.CallDispatchServiceMethods.getCall, Requests<V1.GetCallRequest>()) {
        request, _ in V1.GetCallResponse(call: Self.call(request.id, .failed))
      }
    }
  }

  @Test func watchesOneCallUntilItIsOver() async {
    let harness = watching([
      .init(call: Self.call("call_us1_1", .dialing), resumeToken: "1"),
      .init(call: Self.call("call_us1_2", .ringing), resumeToken: "2"),
      .init(resumeToken: "2"),
      .init(call: Self.call("call_us1_1", .completed), resumeToken: "3"),
      .init(call: Self.call("call_us1_1", .completed), resumeToken: "4"),
    ])
    let outcome = await harness.run("calls watch call_us1_1")
    #expect(outcome.status == .success)
    #expect(
      outcome.output == """
        call_us1_1 outbound +15005550006 → +15005550007 dialing
        call_us1_1 outbound +15005550006 → +15005550007 completed

        """)
  }

  @Test func showsTheEndOfACallThatWasOverBefore() async {
    let harness = watching([
      .init(call: Self.call("call_us1_2", .ringing), resumeToken: "2"), .init(resumeToken: "2"),
      .init(call: Self.call("call_us1_2", .completed), resumeToken: "3"),
    ])
    let outcome = await harness.run("calls watch call_us1_1")
    #expect(outcome.output == "call_us1_1 outbound +15005550006 → +15005550007 failed\n")
  }

  @Test func watchesAllCallsAsLinesOfJSON() async {
    let responses: [V1.WatchCallsResponse] = [
      .init(call: Self.call("call_us1_1", .dialing), resumeToken: "1"), .init(resumeToken: "1"),
      .init(call: Self.call("call_us1_2", .ringing), resumeToken: "2"),
    ]
    let outcome = await watching(responses).run("calls watch -o json")
    let lines = outcome.output.split(separator: "\n")
    #expect(
      lines.map { try? V1.WatchCallsResponse(json: String($0)) } == [responses[0], responses[2]])
  }
}
