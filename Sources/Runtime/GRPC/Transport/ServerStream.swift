/// The server's end of a call, as a transport gives it to a ``MethodHandler``.
///
/// The handler's task uses it; the transport ends it by cancelling that task after it has noted
/// the cause in the ``ServerContext``.
package protocol ServerStream: AnyObject, Sendable {
  /// The next request message; `nil` after the half-close. One caller at a time.
  ///
  /// Throws the reason when the call ends early or a message breaks a limit.
  func receive() async throws(RPCError) -> [UInt8]?

  /// Sends the initial metadata now. Once it is sent, alone or before a message, this does nothing.
  func send(metadata: Metadata) async throws(RPCError)

  /// Sends a message, after the metadata if it was not sent yet; returns when the transport has
  /// room for the next one. The transport sends the status itself, from what the handler returned
  /// or threw.
  func send(message: [UInt8]) async throws(RPCError)

  /// The same, compressed or not where the transport and the client can; `nil` leaves it to the
  /// call and the server (``ServerContext/setCompressesResponses(_:)``).
  func send(message: [UInt8], compress: Bool?) async throws(RPCError)

  /// Does `work`, which takes long and waits for nothing, where the transport says: over HTTP/2
  /// where it holds up no other call, in process at once. When the call is over meanwhile it may be
  /// left undone.
  func aside(_ work: @escaping @Sendable () -> Void) async
}

extension ServerStream {
  package func aside(_ work: @escaping @Sendable () -> Void) async { work() }

  package func send(message: [UInt8], compress: Bool?) async throws(RPCError) {
    try await send(message: message)
  }
}
