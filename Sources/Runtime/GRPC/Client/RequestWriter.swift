package import Protobuf

/// Where the caller of a streaming method writes its requests. Callable by one task at a time.
package struct RequestWriter<Request: Message>: Sendable {
  private let stream: any ClientStream
  private let sizeMax: Int

  /// The typed face of `stream`.
  package init(_ stream: any ClientStream, sizeMax: Int = messageSizeMaxDefault) {
    self.stream = stream
    self.sizeMax = sizeMax
  }

  /// Sends `request`; suspends while the server does not read what was sent before.
  ///
  /// `compress` says whether this message is compressed, if the call has an encoding; without it
  /// it is where that makes it smaller.
  ///
  /// Throws ``RPCError/callIsOver`` when the server has answered; the responses say what.
  package func write(_ request: Request, compress: Bool? = nil) async throws(RPCError) {
    let bytes = MessageCoding.bytes(request)
    guard bytes.count <= sizeMax else { throw .tooLarge(size: bytes.count, limit: sizeMax) }
    try await stream.send(request: bytes, compress: compress)
  }

  /// Says that no more requests come. A second call does nothing.
  package func finish() async throws(RPCError) {
    try await stream.send(.end)
  }
}
