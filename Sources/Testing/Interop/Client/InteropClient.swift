package import EventLoops
package import GRPC
internal import TestAPI

/// Plays the cases of gRPC's interop tests (grpc/doc/interop-test-descriptions.md) and checks what
/// the description says.
package struct InteropClient: Sendable {
  typealias Testing = TestAPI.Grpc.Testing

  /// Runs its argument with a channel of its own, which is closed when it returns.
  package typealias WithChannel =
    @Sendable ((any Channel) async throws(RPCError) -> Void) async throws(RPCError) -> Void

  /// How `rpc_soak`, `channel_soak` and `long_lived_channel` are played; the defaults are those of
  /// gRPC's own clients.
  package struct Soak: Sendable {
    package var iterations = 10
    package var failuresMax = 0
    /// How long one call may take.
    package var latencyMax = Duration.seconds(1)
    package var overallTimeout = Duration.seconds(10)
    /// The least time from the begin of one call to that of the next, in each of the threads.
    package var pace = Duration.zero
    package var requestSize = 271_828
    package var responseSize = 314_159
    /// How many calls are made at a time.
    package var threads = 1

    package init() {}
  }

  /// How long a case may take that has no bound of its own.
  static let caseTimeout = Duration.seconds(30)

  let channel: any Channel
  let withChannel: WithChannel
  /// Whose timers pauses wait for.
  let loop: EventLoop
  let soak: Soak
  /// How many calls `concurrent_large_unary` makes at a time.
  let concurrentCalls: Int
  let report = CaseReport()
  private let metadata: Metadata

  /// `metadata` goes with every call.
  package init(
    channel: any Channel, withChannel: @escaping WithChannel, loop: EventLoop,
    metadata: Metadata = [:], soak: Soak = Soak(), concurrentCalls: Int = 1000
  ) {
    self.channel = channel
    self.withChannel = withChannel
    self.loop = loop
    self.metadata = metadata
    self.soak = soak
    self.concurrentCalls = concurrentCalls
  }

  var service: Testing.TestServiceClient { Testing.TestServiceClient(channel: channel) }

  func options(_ more: Metadata = [:], timeout: Duration? = caseTimeout) -> CallOptions {
    var options = CallOptions(metadata: metadata, timeout: timeout)
    options.metadata.append(contentsOf: more)
    return options
  }

  static func zeros(_ count: Int) -> Testing.Payload {
    Testing.Payload(body: [UInt8](repeating: 0, count: count))
  }

  /// Plays one case; the report says how it went.
  package func play(_ testCase: InteropCase) async -> CaseReport {
    do throws(RPCError) {
      try await run(testCase)
    } catch {
      report.fail("A call that has to succeed ended with \(error).")
    }
    return report
  }

  private func run(_ testCase: InteropCase) async throws(RPCError) {
    switch testCase {
    case .emptyUnary: try await emptyUnary()
    case .largeUnary: try await largeUnary()
    case .clientCompressedUnary: try await clientCompressedUnary()
    case .serverCompressedUnary: try await serverCompressedUnary()
    case .clientStreaming: try await clientStreaming()
    case .clientCompressedStreaming: try await clientCompressedStreaming()
    case .serverStreaming: try await serverStreaming()
    case .serverCompressedStreaming: try await serverCompressedStreaming()
    case .pingPong: try await pingPong()
    case .emptyStream: try await emptyStream()
    case .cancelAfterBegin: await cancelAfterBegin()
    case .cancelAfterFirstResponse: await cancelAfterFirstResponse()
    case .timeoutOnSleepingServer: await timeoutOnSleepingServer()
    case .customMetadata: try await customMetadata()
    case .statusCodeAndMessage: await statusCodeAndMessage()
    case .specialStatusMessage: await specialStatusMessage()
    case .unimplementedMethod: await unimplementedMethod()
    case .unimplementedService: await unimplementedService()
    case .pickFirstUnary: try await pickFirstUnary()
    case .orcaPerRPC: try await orcaPerRPC()
    case .orcaOutOfBand: try await orcaOutOfBand()
    case .rpcSoak: await rpcSoak()
    case .channelSoak: await channelSoak()
    case .concurrentLargeUnary: try await concurrentLargeUnary()
    case .longLivedChannel: await rpcSoak()
    case .connectionScaling: try await connectionScaling()
    }
  }
}
