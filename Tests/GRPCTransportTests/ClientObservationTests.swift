import EventLoops
import GRPC
import Telemetry
import TestKit
import Testing

@testable import GRPCTransport

@Suite(.timeLimit(.minutes(1))) struct ClientObservationTests {
  @Test func aChannelCountsItsCallsAndAttempts() async throws {
    let harness = try await TransportHarness()
    let channel = harness.channel
    let answer: BytesMessage = try await channel.unary(CallTestService.echo, BytesMessage("abc"))
    await #expect(throws: RPCError.self) {
      let _: BytesMessage = try await channel.unary(CallTestService.fail, BytesMessage("x"))
    }
    let text = PrometheusText.render(await channel.metrics())
    let target = #"grpc_target="127.0.0.1:\#(harness.address.port)""#
    let echo = #"grpc_method="trunkline.testing.CallTest/Echo",\#(target)"#
    let fail = #"grpc_method="trunkline.testing.CallTest/Fail",\#(target)"#
    let size = answer.bytes.count
    for line in [
      "grpc_client_attempt_started_total{\(echo)} 1",
      "grpc_client_attempt_started_total{\(fail)} 1",
      #"grpc_client_attempt_duration_seconds_count{\#(echo),grpc_status="OK"} 1"#,
      #"grpc_client_call_duration_seconds_count{\#(echo),grpc_status="OK"} 1"#,
      #"grpc_client_call_duration_seconds_count{\#(fail),grpc_status="FAILED_PRECONDITION"} 1"#,
      "grpc_client_attempt_sent_total_compressed_message_size_bytes_sum"
        + #"{\#(echo),grpc_status="OK"} \#(size)"#,
      "grpc_client_attempt_rcvd_total_compressed_message_size_bytes_sum"
        + #"{\#(echo),grpc_status="OK"} \#(size)"#,
    ] {
      #expect(text.contains("\n\(line)\n"), "\(line)")
    }
    await harness.stop()
  }

  @Test func aChannelShowsItsConnection() async throws {
    let harness = try await TransportHarness()
    let channel = harness.channel
    let idle = await channel.report()
    #expect(idle.state == .idle)
    #expect(idle.sockets.isEmpty)
    #expect(idle.calls == CallCounts())
    for _ in 0..<2 {
      let _: BytesMessage = try await channel.unary(CallTestService.echo, BytesMessage("abc"))
    }
    let report = await channel.report()
    #expect(report.id == channel.id)
    #expect(report.target == "127.0.0.1:\(harness.address.port)")
    #expect(report.state == .ready)
    #expect(report.calls.started == 2)
    #expect(report.calls.succeeded == 2)
    #expect(report.calls.lastStartedAt != nil)
    let socket = try #require(report.sockets.first)
    let traffic = try #require(await channel.socket(socket.id)?.traffic)
    #expect(traffic.streamsStarted == 2)
    #expect(traffic.streamsSucceeded == 2)
    #expect(traffic.messagesSent == 2)
    #expect(traffic.messagesReceived == 2)
    #expect(traffic.lastLocalStreamAt != nil)
    #expect(traffic.lastRemoteStreamAt == nil)
    #expect(traffic.peerStreamsMax > 0)
    #expect(await channel.socket(channel.id) == nil)
    await channel.close()
    #expect(await channel.report().state == .shutdown)
    await harness.stop()
  }
}
