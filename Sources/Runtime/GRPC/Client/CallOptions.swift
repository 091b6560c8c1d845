/// How messages may be compressed, under the names of `grpc-encoding` (doc/compression.md).
package enum MessageEncoding: String, Hashable, Sendable, CaseIterable {
  case gzip
  case deflate
}

/// How one call of a client is made.
package struct CallOptions: Sendable {
  /// Goes with the request.
  package var metadata: Metadata
  /// How long the call may take; `nil` is for ever, or as long as the call that this one serves.
  package var timeout: Duration?
  /// Whether the call waits, until its deadline, for a connection where none can be had at the
  /// moment; otherwise it fails with UNAVAILABLE. `nil` is what the channel says, by default no.
  package var waitForReady: Bool?
  /// How requests are compressed; `nil` is not at all. A server that does not know the encoding
  /// answers UNIMPLEMENTED. Compress nothing that is secret beside what others choose: its size
  /// tells of it (CRIME).
  package var compression: MessageEncoding?
  /// The most bytes that a response may have, inflated if it was compressed; a longer one ends the
  /// call with RESOURCE_EXHAUSTED.
  package var responseSizeMax: Int
  /// The most bytes that a request may have.
  package var requestSizeMax: Int

  package init(
    metadata: Metadata = [:], timeout: Duration? = nil, waitForReady: Bool? = nil,
    compression: MessageEncoding? = nil,
    responseSizeMax: Int = messageSizeMaxDefault, requestSizeMax: Int = messageSizeMaxDefault
  ) {
    self.metadata = metadata
    self.timeout = timeout
    self.waitForReady = waitForReady
    self.compression = compression
    self.responseSizeMax = responseSizeMax
    self.requestSizeMax = requestSizeMax
  }

  /// No metadata, no timeout, messages up to 4 MiB.
  package static let defaults = CallOptions()
}

/// The most bytes of a message unless a configuration says otherwise: 4 MiB, as in other gRPCs.
package let messageSizeMaxDefault = 4 << 20

extension RPCError {
  /// A message of `size` bytes broke `limit`.
  package static func tooLarge(size: Int, limit: Int) -> RPCError {
    RPCError(
      .resourceExhausted, "Message is \(byteCount(size)); the limit is \(byteCount(limit)).")
  }
}

/// A number of bytes for people: whole MiB or KiB where it is one, else bytes.
private func byteCount(_ size: Int) -> String {
  if size >= 1 << 20, size % (1 << 20) == 0 { return "\(size >> 20) MiB" }
  if size >= 1 << 10, size % (1 << 10) == 0 { return "\(size >> 10) KiB" }
  return size == 1 ? "1 byte" : "\(size) bytes"
}
