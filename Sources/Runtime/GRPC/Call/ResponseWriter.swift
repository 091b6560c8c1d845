package import Protobuf

/// Where a streaming handler writes its responses. Callable from any executor, by one task at a
/// time.
package struct ResponseWriter<Response: Message>: Sendable {
  private let stream: any ServerStream
  private let context: ServerContext

  /// The typed face of `stream`.
  package init(_ stream: any ServerStream, context: ServerContext) {
    self.stream = stream
    self.context = context
  }

  /// Sends the initial metadata now, and not with the first message. A second call does nothing, as
  /// one after a message.
  package func writeMetadata() async throws(RPCError) {
    try await stream.send(metadata: context.initialMetadata)
  }

  /// Sends `response`; suspends while the client does not read what was sent before.
  ///
  /// `compress` says whether this message is compressed, if the client takes an encoding that we
  /// have; without it, the call and the server say (``ServerContext/setCompressesResponses(_:)``).
  ///
  /// Throws why the call ended, if it has.
  package func write(_ response: Response, compress: Bool? = nil) async throws(RPCError) {
    try await stream.send(message: MessageCoding.bytes(response), compress: compress)
  }
}
