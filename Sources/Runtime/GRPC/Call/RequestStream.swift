package import Protobuf

/// The request messages of a streaming call, in their order.
///
/// One task at a time takes messages. While nobody takes them the transport lets the client send
/// only as much as its window holds.
package struct RequestStream<Request: Message>: AsyncSequence, Sendable {
  package typealias Element = Request
  package typealias Failure = RPCError

  private let stream: any ServerStream

  /// The typed face of `stream`.
  package init(_ stream: any ServerStream) { self.stream = stream }

  /// The next message; `nil` after the last. Throws why the call ends early.
  package func next() async throws(RPCError) -> Request? {
    guard let bytes = try await stream.receive() else { return nil }
    return try await stream.decoded(bytes)
  }

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let requests: RequestStream

    package mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(RPCError) -> Request? {
      try await requests.next()
    }
  }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(requests: self) }
}
