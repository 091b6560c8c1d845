internal import Buffers

/// A method's handler behind a question: whether the call is let in.
///
/// For transports: a call whose verdict is ``AdmissionVerdict/undecided(_:)`` is given to this one
/// in place of its method's. No message is decoded before the answer.
package final class UndecidedHandler: MethodHandler {
  private let handler: any MethodHandler
  private let question: @Sendable () async throws(RPCError) -> (any Sendable)?

  package init(
    _ handler: any MethodHandler,
    _ question: @escaping @Sendable () async throws(RPCError) -> (any Sendable)?
  ) {
    self.handler = handler
    self.question = question
  }

  package var descriptor: MethodDescriptor { handler.descriptor }
  package var json: MessageJSON? { handler.json }

  package func run(
    _ stream: any ServerStream, _ context: ServerContext
  ) async throws(RPCError) {
    context.noteAdmission(try await question())
    try await handler.run(stream, context)
  }

  package func startUnary(
    _ request: RawSpan, _ context: ServerContext, in workers: CallWorkers, _ reply: any UnaryReply
  ) {
    guard kind == .unary else { return }
    startLong(request.array(), context, in: workers, reply)
  }
}
