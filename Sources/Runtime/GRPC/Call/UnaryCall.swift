package import Protobuf

/// One unary call on its fast path: what the code that was written for its message types needs.
/// Used on the call's executor.
@usableFromInline
package struct UnaryCall: Sendable {
  package let context: ServerContext
  /// Where the answer goes: one of its methods is called once.
  package let reply: any UnaryReply
  /// Whether nothing runs around the handler: no interceptor, no deadline and no trace to hand on.
  package let isPlain: Bool
  @usableFromInline
  let executor: any TaskExecutor
  private let interceptors: [any ServerInterceptor]

  init(
    context: ServerContext, reply: any UnaryReply, executor: any TaskExecutor,
    interceptors: [any ServerInterceptor]
  ) {
    self.context = context
    self.reply = reply
    self.executor = executor
    self.interceptors = interceptors
    isPlain = interceptors.isEmpty && !context.hasInheritance
  }

  /// Answers that the request can't be read. No task is needed for that.
  package func refuse(_ error: DecodingError, as request: String) -> CallTask? {
    reply.fail(RPCError(undecodable: error, as: request))
    return nil
  }

  /// Starts the call's task; `body` answers.
  @inlinable
  package func start(
    _ body: sending @escaping @isolated(any) () async -> Void
  ) -> CallTask {
    CallTask.start(on: executor, body)
  }

  /// Runs the handler inside the interceptors, with the deadline bound for calls made meanwhile.
  package func run(_ handler: () async throws(RPCError) -> Void) async throws(RPCError) {
    try await context.run(inside: interceptors, handler)
  }
}
