/// What a client sends: metadata, messages, end.
package enum RequestPart: Hashable, Sendable {
  /// A serialized message.
  case message([UInt8])
  /// No more messages come (half-close).
  case end
}

/// What a server sends: metadata, messages, status. A call without metadata before the status is
/// a trailers-only answer.
package enum ResponsePart: Hashable, Sendable {
  /// The initial metadata; once, first.
  case metadata(Metadata)
  /// A serialized message.
  case message([UInt8])
  /// The same, which was compressed on its way.
  case compressedMessage([UInt8])
  /// The answer and the trailing metadata; once, last. `nil` is OK.
  case status(RPCError?, Metadata)
}

/// The server's end of a call, as a transport gives it to ``Router``.
///
/// The handler's task uses it; the transport ends it by cancelling that task after it has noted
/// the cause in the ``ServerContext``.
package protocol ServerStream: AnyObject, Sendable {
  /// The next request message; `nil` after the half-close. One caller at a time.
  ///
  /// Throws the reason when the call ends early or a message breaks a limit.
  func receive() async throws(RPCError) -> [UInt8]?

  /// Sends metadata or a message; returns when the transport has room for the next one. The
  /// transport sends the status itself, from what the handler returned or threw.
  func send(metadata: Metadata) async throws(RPCError)

  /// Sends a message, after the metadata if it was not sent yet.
  func send(message: [UInt8]) async throws(RPCError)

  /// The same, compressed or not where the transport and the client can; `nil` leaves it to the
  /// call and the server (``ServerContext/setCompressesResponses(_:)``).
  func send(message: [UInt8], compress: Bool?) async throws(RPCError)

  /// Does `work`, which takes long and waits for nothing, where it holds up no other call. When the
  /// call is over meanwhile it may be left undone.
  func aside(_ work: @escaping @Sendable () -> Void) async
}

extension ServerStream {
  package func aside(_ work: @escaping @Sendable () -> Void) async { work() }

  package func send(message: [UInt8], compress: Bool?) async throws(RPCError) {
    try await send(message: message)
  }
}

/// The client's end of a call, as a ``Channel`` gives it to the typed calls.
package protocol ClientStream: Sendable {
  /// Sends a part; returns when the transport has room for the next one.
  ///
  /// Throws when the call is over; the reason is what ``receive()`` gives as the status.
  func send(_ part: RequestPart) async throws(RPCError)

  /// Sends a message, compressed or not where the call has an encoding
  /// (``CallOptions/compression``); `nil` leaves it to the transport.
  func send(request message: [UInt8], compress: Bool?) async throws(RPCError)

  /// The next part; `nil` after the status. One caller at a time.
  ///
  /// Never throws: a call that the transport lost ends with a status too, as does a cancelled one.
  func receive() async -> ResponsePart?
}

extension ClientStream {
  package func send(request message: [UInt8], compress: Bool?) async throws(RPCError) {
    try await send(.message(message))
  }
}
