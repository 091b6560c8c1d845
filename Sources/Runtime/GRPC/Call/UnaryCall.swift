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
  private let workers: CallWorkers
  private let interceptors: [any ServerInterceptor]

  init(
    context: ServerContext, reply: any UnaryReply, workers: CallWorkers,
    interceptors: [any ServerInterceptor]
  ) {
    self.context = context
    self.reply = reply
    self.workers = workers
    self.interceptors = interceptors
    isPlain = interceptors.isEmpty && !context.hasInheritance
  }

  /// Answers that the request can't be read. No task is needed for that.
  package func refuse(_ error: DecodingError, as request: String) {
    reply.fail(RPCError(undecodable: error, as: request))
  }

  /// Has `body`, which answers, run in a task.
  package func start(_ body: @escaping CallWorkers.Body) { workers.add(reply, body) }

  /// Runs the handler inside the interceptors, with the deadline bound for calls made meanwhile.
  package func run(_ handler: () async throws(RPCError) -> Void) async throws(RPCError) {
    try await context.run(inside: interceptors, handler)
  }
}
