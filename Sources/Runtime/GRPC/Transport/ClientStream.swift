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
