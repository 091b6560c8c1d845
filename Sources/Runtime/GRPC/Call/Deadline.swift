extension ServerContext {
  /// Runs `body` so that calls made from it end no later than this one, in the same trace.
  func bindingDeadline(_ body: () async throws(RPCError) -> Void) async throws(RPCError) {
    guard hasInheritance else { return try await body() }
    var failure: RPCError?
    await ServerContext.$current.withValue(self) {
      do throws(RPCError) {
        try await body()
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}

extension CallOptions {
  /// When a call that starts now has to be over: after its timeout, after `timeoutMax`, and no
  /// later than the call that its caller answers. `nil` is never.
  package func deadline(
    now: ContinuousClock.Instant = .now, timeoutMax: Duration? = nil
  ) -> ContinuousClock.Instant? {
    let outer = ServerContext.current?.deadline
    guard timeout != nil || timeoutMax != nil else { return outer }
    let own = [timeout, timeoutMax].compactMap { $0.map { now.advanced(by: $0) } }
    return (own + [outer].compactMap { $0 }).min()
  }
}
