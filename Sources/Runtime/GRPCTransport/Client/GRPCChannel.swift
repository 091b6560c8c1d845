package import EventLoops
package import GRPC

/// A channel to the servers of one target. Callable from any executor.
///
/// It connects with the first call or ``connect()``, and again when a connection is gone. Calls
/// that don't wait for a connection fail as soon as none can be had; see
/// ``GRPC/CallOptions/waitForReady``. ``close()`` ends it.
package final class GRPCChannel: Channel, Sendable {
  package let id = EntityID.next()
  /// Microseconds since 1970.
  let createdAt = WallClock.microseconds()
  let core: ClientCore
  private let serviceConfig: ServiceConfig

  /// Makes a channel to `target`. All of it runs on `loop`.
  package init(
    target: ChannelTarget, loop: EventLoop, configuration: ClientConfiguration = .defaults
  ) {
    core = ClientCore(target: target, loop: loop, configuration: configuration)
    serviceConfig = configuration.serviceConfig
  }

  /// Makes a channel to `host`, a name or an address in digits.
  package convenience init(
    host: String, port: UInt16, loop: EventLoop, configuration: ClientConfiguration = .defaults
  ) {
    self.init(
      target: ChannelTarget(host: host, port: port), loop: loop, configuration: configuration)
  }

  package func withStream<Result>(
    _ method: MethodDescriptor, _ options: CallOptions,
    _ body: (any ClientStream) async throws(RPCError) -> Result
  ) async throws(RPCError) -> Result {
    let call = ClientCall(core, method, options, serviceConfig.settings(for: method))
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

  /// Connects if the channel is idle.
  package func connect() {
    core.runOnLoop { $0.connectIfIdle() }
  }

  /// The state now, and every one that follows, until the channel is closed or nobody listens.
  ///
  /// A listener that is slow misses older states, never the last one.
  package func connectivityStates() -> AsyncStream<ConnectivityState> {
    let (states, continuation) = AsyncStream.makeStream(
      of: ConnectivityState.self, bufferingPolicy: .bufferingNewest(16))
    core.runOnLoop { core in
      let number = core.watchState {
        continuation.yield($0)
        if $0 == .shutdown { continuation.finish() }
      }
      continuation.onTermination = { _ in
        core.runOnLoop { $0.stateWatchers[number] = nil }
      }
    }
    return states
  }

  /// Ends open calls with UNAVAILABLE and closes the connections. Calls made later fail.
  package func close() async {
    await core.onLoop { $0.close() }
  }
}
