extension ServerContext {
  /// Runs `body` so that calls made from it end no later than this one.
  func bindingDeadline(_ body: () async throws(RPCError) -> Void) async throws(RPCError) {
    guard deadline != nil else { return try await body() }
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
  /// When a call that starts now has to be over: after its timeout, and no later than the call
  /// that its caller answers. `nil` is never.
  package func deadline(now: ContinuousClock.Instant = .now) -> ContinuousClock.Instant? {
    let own = timeout.map { now.advanced(by: $0) }
    guard let outer = ServerContext.current?.deadline else { return own }
    return own.map { min($0, outer) } ?? outer
  }
}
