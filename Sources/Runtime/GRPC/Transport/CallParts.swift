/// What a client sends after its metadata: messages, end.
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
