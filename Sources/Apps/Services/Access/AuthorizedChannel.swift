package import GRPC

/// A channel whose calls show a token: what the dispatch is to its registry.
package struct AuthorizedChannel: Channel {
  private let base: any Channel
  private let token: @Sendable () -> String?

  /// `token` is asked at each call, so that it may change.
  package init(_ base: any Channel, token: @escaping @Sendable () -> String?) {
    self.base = base
    self.token = token
  }

  package func withStream<Result>(
    _ method: MethodDescriptor, _ options: CallOptions,
    _ body: (any ClientStream) async throws(RPCError) -> Result
  ) async throws(RPCError) -> Result {
    var options = options
    if let token = token() { options.metadata["authorization"] = "Bearer \(token)" }
    return try await base.withStream(method, options, body)
  }
}
