internal import Buffers
internal import Synchronization

extension MethodHandler {
  /// Answers one unary call as a stream of one message: for a request that can't be read at once,
  /// so that it is not lent.
  func startLong(
    _ request: [UInt8], _ context: ServerContext, in workers: CallWorkers, _ reply: any UnaryReply
  ) {
    let stream = UnaryStream(request: request, context, workers)
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

  private let context: ServerContext
  private let workers: CallWorkers

  init(request: [UInt8], _ context: ServerContext, _ workers: CallWorkers) {
    messages = Mutex((request, nil))
    self.context = context
    self.workers = workers
  }

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

  func aside(_ work: @escaping @Sendable () -> Void) async { await workers.aside(context, work) }
}
