package import EventLoops
package import GRPC

/// A channel to one server over TCP. Callable from any executor.
///
/// The connection comes about with the first call, and again with the first one after it is gone.
/// Calls fail fast: without a connection they are UNAVAILABLE. ``close()`` ends it.
package final class GRPCChannel: Channel, Sendable {
  private let core: ClientCore

  /// Makes a channel to `host`, a name or an address in digits.
  package init(
    host: String, port: UInt16, loop: EventLoop, configuration: ClientConfiguration = .defaults
  ) {
    core = ClientCore(host: host, port: port, loop: loop, configuration: configuration)
  }

  package func withStream<Result>(
    _ method: MethodDescriptor, _ options: CallOptions,
    _ body: (any ClientStream) async throws(RPCError) -> Result
  ) async throws(RPCError) -> Result {
    let call = ClientCall(core, method, options, deadline: options.deadline())
    let outcome = await withTaskCancellationHandler {
      do throws(RPCError) {
        try await call.start()
        return Swift.Result<Result, RPCError>.success(try await body(call))
      } catch {
        return .failure(error)
      }
    } onCancel: {
      call.cancel()
    }
    call.cancel()
    return try outcome.get()
  }

  /// Ends open calls with UNAVAILABLE and closes the connection. Calls made later fail.
  package func close() async {
    await core.onLoop { $0.close() }
  }
}
