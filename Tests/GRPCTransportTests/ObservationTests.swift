import EventLoops
import GRPC
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import GRPCTransport

@Suite(.timeLimit(.minutes(1))) struct ObservationTests {
  /// The text of a scrape, by line up to the value.
  private func scrape(_ server: GRPCServer) async -> [String: String] {
    let text = PrometheusText.render(await server.metrics())
    var values: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      values[String(line[..<space])] = String(line[line.index(after: space)...])
    }
    return values
  }

  @Test func callsAreCountedByMethodAndStatus() async throws {
    let harness = try await TransportHarness()
    let channel = harness.channel
    for text in ["a", String(repeating: "b", count: 2000)] {
      let _: BytesMessage = try await channel.unary(CallTestService.echo, BytesMessage(text))
    }
    let failed = await failure { () async throws(RPCError) in
      let _: BytesMessage = try await channel.unary(CallTestService.fail, BytesMessage("x"))
    }
    #expect(failed?.code == .failedPrecondition)
    let unknown = MethodDescriptor(service: "no.Service", method: "Method", kind: .unary)
    _ = await failure { () async throws(RPCError) in
      let _: BytesMessage = try await channel.unary(unknown, BytesMessage("x"))
    }
    let values = await scrape(harness.server)
    let echo = #"grpc_method="trunkline.testing.CallTest/Echo""#
    #expect(values["grpc_server_call_started_total{\(echo)}"] == "2")
    #expect(values[#"grpc_server_call_started_total{grpc_method="other"}"#] == "1")
    #expect(values[#"grpc_server_call_duration_seconds_count{\#(echo),grpc_status="OK"}"#] == "2")
    let size = "grpc_server_call_rcvd_total_compressed_message_size_bytes"
    #expect(values[#"\#(size)_bucket{\#(echo),grpc_status="OK",le="1024"}"#] == "1")
    #expect(values[#"\#(size)_bucket{\#(echo),grpc_status="OK",le="2048"}"#] == "2")
    let fail = #"grpc_method="trunkline.testing.CallTest/Fail""#
    let sent = "grpc_server_call_sent_total_compressed_message_size_bytes"
    #expect(values[#"\#(sent)_sum{\#(fail),grpc_status="FAILED_PRECONDITION"}"#] == "0")
    #expect(
      values[
        #"rpc_server_call_duration_seconds_count{rpc_system_name="grpc",rpc_method="_OTHER","#
          + #"rpc_response_status_code="UNIMPLEMENTED",error_type="UNIMPLEMENTED"}"#] == "1")
    #expect(values["trunkline_server_connections"] == "1")
    #expect(values["trunkline_server_connections_accepted_total"] == "1")
    #expect(values["trunkline_server_handlers"] == "0")
    await harness.stop()
  }

  @Test func streamsCountTheirMessages() async throws {
    let harness = try await TransportHarness()
    let joined: BytesMessage = try await harness.channel.clientStreaming(CallTestService.join) {
      (requests: RequestWriter<BytesMessage>) async throws(RPCError) in
      for _ in 0..<3 { try await requests.write(BytesMessage("abc")) }
    }
    let size = joined.bytes.count
    let values = await scrape(harness.server)
    let labels = #"{grpc_method="trunkline.testing.CallTest/Join",grpc_status="OK"}"#
    let received = "grpc_server_call_rcvd_total_compressed_message_size_bytes_sum"
    let sent = "grpc_server_call_sent_total_compressed_message_size_bytes_sum"
    #expect(values[received + labels] == "\(size)")
    #expect(values[sent + labels] == "\(size)")
    await harness.stop()
  }

  @Test func everyEndIsToldOnce() async throws {
    let harness = try await TransportHarness()
    let channel = harness.channel
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        let _: BytesMessage? = try? await channel.unary(CallTestService.hang, BytesMessage("x"))
      }
      await harness.service.untilHanging()
      group.cancelAll()
    }
    #expect(await harness.service.nextCause() == .clientReset)
    async let error = failure { () async throws(RPCError) in
      let _: BytesMessage = try await channel.unary(CallTestService.hang, BytesMessage("x"))
    }
    await harness.service.untilHanging()
    await harness.server.shutdown(within: .milliseconds(20))
    #expect(await error?.code == .unavailable)
    let values = await scrape(harness.server)
    let count = "grpc_server_call_duration_seconds_count"
    let hang = #"grpc_method="trunkline.testing.CallTest/Hang""#
    #expect(values[#"\#(count){\#(hang),grpc_status="CANCELLED"}"#] == "1")
    #expect(values[#"\#(count){\#(hang),grpc_status="UNAVAILABLE"}"#] == "1")
    #expect(values["grpc_server_call_started_total{\(hang)}"] == "2")
    #expect(values["trunkline_server_connections"] == "0")
    await harness.stop()
  }

  @Test func theAccessLogHasALinePerCallThatFails() async throws {
    let lines = Lines()
    let logger = Logger(
      level: .debug, now: { 0 }, write: { line in lines.all.withLock { $0.append(line) } })
    let harness = try await TransportHarness(
      observation: ServerObservation(
        accessLog: AccessLogConfiguration(logger: logger, slowCallMin: nil)))
    let _: BytesMessage = try await harness.channel.unary(
      CallTestService.echo, BytesMessage("secret"),
      options: CallOptions(metadata: ["x-secret": "secret"]))
    let unknown = MethodDescriptor(service: "no.Service", method: "M14155550100", kind: .unary)
    _ = await failure { () async throws(RPCError) in
      let _: BytesMessage = try await harness.channel.unary(unknown, BytesMessage("secret"))
    }
    let all = lines.all.withLock { $0 }
    try #require(all.count == 1)
    #expect(all[0].contains(#""level":"warning","message":"call","method":"other","#))
    #expect(all[0].contains(#""status":"UNIMPLEMENTED","peer":"ipv4:127.0.0.1:"#))
    #expect(all[0].contains(#""error":"The server has no method /no.Service/M***00.""#))
    #expect(all[0].contains(#""user_agent":"trunkline"#))
    #expect(!all[0].contains("secret"))
    await harness.stop()
  }

  // MARK: Pure parts

  @Test(arguments: AccessLogConfiguration.Selection.allCases)
  func theSelectionDecides(selection: AccessLogConfiguration.Selection) {
    let log = AccessLog(
      AccessLogConfiguration(logger: .silent, selection: selection, slowCallMin: .seconds(1)))
    let second: UInt64 = 1_000_000_000
    let logged = StatusCode.allCases.filter { log.wants($0, .unary, duration: second) }
    switch selection {
    case .off: #expect(logged.isEmpty)
    case .all: #expect(logged.count == StatusCode.allCases.count)
    case .errors:
      #expect(
        logged == [
          .unknown, .deadlineExceeded, .resourceExhausted, .unimplemented, .internal, .unavailable,
          .dataLoss,
        ])
    }
    #expect(log.wants(.ok, .unary, duration: second + 1) == (selection != .off))
    #expect(log.wants(.ok, .serverStreaming, duration: second + 1) == (selection == .all))
  }

  @Test func aLineIsCutAndMasked() throws {
    var record = CallRecord(method: 1, startedAt: 100)
    record.answeredAt = 1100
    record.received.note(7, at: 0)
    record.sent.note(5, at: 0)
    record.sent.note(6, at: 0)
    let error = RPCError(.internal, "tel 4915112345678 " + String(repeating: "é", count: 500))
    let fields = AccessLog.fields(
      AccessLog.Call(
        method: "a.B/C", code: .internal, error: error, cause: .deadline, peer: "unix:",
        userAgent: String(repeating: "u", count: 500), traceID: "0af7", record: record,
        duration: 2_000_000),
      suppressedCount: 3)
    let values = Dictionary(uniqueKeysWithValues: fields)
    #expect(values["first_response"] == .duration(.microseconds(1)))
    #expect(values["duration"] == .duration(.milliseconds(2)))
    #expect(values["received_messages"] == 1)
    #expect(values["received_bytes"] == 7)
    #expect(values["sent_messages"] == 2)
    #expect(values["sent_bytes"] == 11)
    #expect(values["trace_id"] == "0af7")
    #expect(values["cause"] == "deadline")
    #expect(values["suppressed"] == 3)
    guard case .text(let text)? = values["error"], case .text(let agent)? = values["user_agent"]
    else {
      Issue.record("texts are missing")
      return
    }
    #expect(text.hasPrefix("tel ***78 é"))
    #expect(text.utf8.count <= AccessLog.errorLengthMax)
    #expect(!text.contains("\u{FFFD}"))
    #expect(agent.utf8.count == AccessLog.userAgentLengthMax)
  }

  @Test func bothSetsOfBoundsAreServedByOneRecord() {
    var histogram = Histogram(CallMetrics.durationBounds)
    var a66 = Histogram(CallMetrics.a66DurationBounds)
    var convention = Histogram(CallMetrics.conventionDurationBounds)
    for bound in CallMetrics.durationBounds.values {
      for value in [bound, bound + 1] {
        histogram.record(value)
        a66.record(value)
        convention.record(value)
      }
    }
    #expect(CallMetrics.a66DurationBounds.values.count == 41)
    #expect(CallMetrics.conventionDurationBounds.values.count == 14)
    #expect(histogram.coarsened(to: CallMetrics.a66DurationBounds).counts == a66.counts)
    #expect(
      histogram.coarsened(to: CallMetrics.conventionDurationBounds).counts == convention.counts)
  }

  private func failure(_ body: () async throws(RPCError) -> Void) async -> RPCError? {
    do throws(RPCError) {
      try await body()
      return nil
    } catch {
      return error
    }
  }
}

/// What a logger wrote.
private final class Lines: Sendable {
  let all = Mutex<[String]>([])
}
