internal import Buffers
internal import Synchronization

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

  /// The request is only lent, so that it is copied.
  package func startUnary(
    _ request: RawSpan, _ context: ServerContext, in workers: CallWorkers, _ reply: any UnaryReply
  ) {
    guard kind == .unary else { return }
    let stream = UnaryStream(request: request.array())
    workers.add(reply) {
      do throws(RPCError) {
        try await self.run(stream, context)
        guard let response = stream.response else { throw .unexpected }
        reply.succeed { $0.append(response) }
      } catch {
        reply.fail(error)
      }
    }
  }
}

/// One request that is at hand, and where its one response goes.
private final class UnaryStream: ServerStream {
  private let messages: Mutex<(request: [UInt8]?, response: [UInt8]?)>

  init(request: [UInt8]) { messages = Mutex((request, nil)) }

  var response: [UInt8]? { messages.withLock { $0.response } }

  func receive() async throws(RPCError) -> [UInt8]? {
    messages.withLock { messages in
      defer { messages.request = nil }
      return messages.request
    }
  }

  /// A unary method's metadata goes by its context.
  func send(metadata: Metadata) async throws(RPCError) {}

  func send(message: [UInt8]) async throws(RPCError) {
    messages.withLock { $0.response = message }
  }
}
