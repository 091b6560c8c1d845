internal import Buffers
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
    return try Request(decodingRequest: bytes)
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

extension Message {
  /// Decodes what a client sent; a mistake is the client's.
  init(decodingRequest bytes: RawSpan) throws(RPCError) {
    do {
      try self.init(serialized: bytes, limits: .defaults)
    } catch {
      throw RPCError(.internal, "The request is not a valid \(Self.fullName).")
    }
  }

  /// Decodes what a client sent; a mistake is the client's.
  init(decodingRequest bytes: [UInt8]) throws(RPCError) {
    self = try bytes.withBytes { (span) throws(RPCError) in try Self(decodingRequest: span) }
  }

  /// Decodes what a server sent; a mistake is the server's.
  init(decodingResponse bytes: [UInt8]) throws(RPCError) {
    do {
      self = try bytes.withBytes { (span) throws(DecodingError) in
        try Self(serialized: span, limits: .defaults)
      }
    } catch {
      throw RPCError(.internal, "The response is not a valid \(Self.fullName).")
    }
  }

  /// The wire format.
  var serializedBytes: [UInt8] {
    var writer = ByteWriter(capacity: serializedSize)
    serialize(into: &writer)
    return writer.array()
  }
}
