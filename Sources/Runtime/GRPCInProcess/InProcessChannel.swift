package import GRPC
internal import Telemetry

/// A channel to services in this process, without bytes on a wire.
///
/// The handler runs in a child task of the caller, on the caller's preferred executor. Messages
/// are serialized all the same, so that neither side can see the other's values. They are never
/// compressed, whatever a call's options or its handler ask for: there is no line whose bytes that
/// would save. To the handler requests look as they are, uncompressed.
package struct InProcessChannel: Channel {
  /// Bounds of a channel.
  package struct Configuration: Sendable {
    /// The most bytes of a request; a longer one is RESOURCE_EXHAUSTED.
    package var requestSizeMax = messageSizeMaxDefault
    /// How many bytes may wait in each direction of a call before the sender suspends.
    package var bufferedBytesMax = 64 << 10

    package init() {}

    package static let defaults = Configuration()
  }

  private let router: Router
  private let configuration: Configuration

  /// Makes a channel to what `router` serves.
  package init(router: Router, configuration: Configuration = .defaults) {
    self.router = router
    self.configuration = configuration
  }

  package func withStream<Result>(
    _ method: MethodDescriptor, _ options: CallOptions,
    _ body: (any ClientStream) async throws(RPCError) -> Result
  ) async throws(RPCError) -> Result {
    let deadline = options.deadline()
    let metadata = options.requestMetadata
    let trace = TraceContext(metadata).map {
      CallTrace(context: $0, parent: nil, isRecorded: false)
    }
    let context = ServerContext(
      method: method, metadata: metadata, deadline: deadline, trace: trace)
    let call = InProcessCall(context, options, configuration)
    let handler = router.handler(for: method.path)
    let outcome = await withTaskGroup(of: Void.self) { group -> Swift.Result<Result, RPCError> in
      group.addTask { await call.run(handler, router.admission) }
      if let deadline {
        group.addTask {
          try? await Task.sleep(until: deadline, clock: .continuous)
          if !Task.isCancelled { call.cancel(.deadline) }
        }
      }
      let outcome = await withTaskCancellationHandler {
        do throws(RPCError) {
          return Swift.Result<Result, RPCError>.success(try await body(call))
        } catch {
          return .failure(error)
        }
      } onCancel: {
        call.cancel(.clientReset)
      }
      call.cancel(.clientReset)
      group.cancelAll()
      return outcome
    }
    return try outcome.get()
  }
}
