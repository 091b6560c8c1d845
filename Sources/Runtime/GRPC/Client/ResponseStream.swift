package import Protobuf
internal import Synchronization

/// The responses of a streaming call, in their order.
///
/// One task at a time takes messages. While nobody takes them the transport lets the server send
/// only as much as its window holds.
package struct ResponseStream<Response: Message>: AsyncSequence, Sendable {
  package typealias Element = Response
  package typealias Failure = RPCError

  private let stream: any ClientStream
  private let received = Received()

  /// The typed face of `stream`.
  package init(_ stream: any ClientStream) { self.stream = stream }

  /// The next message; `nil` when the server ended the call with OK. Throws any other status.
  package func next() async throws(RPCError) -> Response? {
    if let waiting = received.state.withLock({ $0.takeWaiting() }) {
      return try MessageCoding.response(waiting)
    }
    received.state.withLock { $0.isCompressed = false }
    while let part = await stream.receive() {
      switch part {
      case .metadata(let metadata):
        received.state.withLock { $0.initialMetadata = metadata }
      case .message(let bytes):
        return try MessageCoding.response(bytes)
      case .compressedMessage(let bytes):
        received.state.withLock { $0.isCompressed = true }
        return try MessageCoding.response(bytes)
      case .status(let error, let trailing):
        received.state.withLock { $0.trailingMetadata = error?.metadata ?? trailing }
        if let error { throw error }
        return nil
      }
    }
    return nil
  }

  /// The initial metadata; waits for the server to send it. Empty after a trailers-only answer.
  ///
  /// Throws the status of a call that failed before its first message.
  package func initialMetadata() async throws(RPCError) -> Metadata {
    if let metadata = received.state.withLock({ $0.initialMetadata }) { return metadata }
    switch await stream.receive() {
    case .metadata(let metadata):
      received.state.withLock { $0.initialMetadata = metadata }
      return metadata
    case .message(let bytes):
      received.state.withLock { $0.waiting = bytes }
      return [:]
    case .compressedMessage(let bytes):
      received.state.withLock {
        $0.waiting = bytes
        $0.isCompressed = true
      }
      return [:]
    case .status(let error, let trailing):
      received.state.withLock { $0.trailingMetadata = error?.metadata ?? trailing }
      if let error { throw error }
      return [:]
    case nil:
      return [:]
    }
  }

  /// Whether the message that ``next()`` gave last was compressed on its way.
  package var isLastCompressed: Bool { received.state.withLock { $0.isCompressed } }

  /// The trailing metadata, once ``next()`` gave `nil` or threw.
  package var trailingMetadata: Metadata {
    received.state.withLock { $0.trailingMetadata } ?? [:]
  }

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let responses: ResponseStream

    package mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(RPCError) -> Response? {
      try await responses.next()
    }
  }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(responses: self) }
}

/// What a ``ResponseStream`` remembers.
private final class Received: Sendable {
  struct State {
    var initialMetadata: Metadata?
    var trailingMetadata: Metadata?
    var waiting: [UInt8]?
    var isCompressed = false

    mutating func takeWaiting() -> [UInt8]? {
      defer { waiting = nil }
      return waiting
    }
  }

  let state = Mutex(State())
}
