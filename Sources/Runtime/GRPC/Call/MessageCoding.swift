internal import Buffers
package import Protobuf

/// Messages from and to bytes, with the statuses of what goes wrong.
package enum MessageCoding {
  /// Decodes what a client sent; a mistake is the client's.
  @inlinable
  package static func request<Request: Message>(
    _ bytes: RawSpan
  ) throws(RPCError) -> Request {
    do throws(DecodingError) {
      return try Request(serialized: bytes, limits: .defaults)
    } catch {
      throw RPCError(undecodable: error, as: Request.fullName)
    }
  }

  /// Decodes what a client sent; a mistake is the client's.
  package static func request<Request: Message>(
    _ bytes: [UInt8]
  ) throws(RPCError) -> Request {
    try bytes.withBytes { (span) throws(RPCError) in try request(span) }
  }

  /// Decodes what a server sent; a mistake is the server's.
  package static func response<Response: Message>(
    _ bytes: [UInt8]
  ) throws(RPCError) -> Response {
    do throws(DecodingError) {
      return try bytes.withBytes { (span) throws(DecodingError) in
        try Response(serialized: span, limits: .defaults)
      }
    } catch {
      throw RPCError(.internal, "The response is not a valid \(Response.fullName): \(error)")
    }
  }

  /// The wire format.
  package static func bytes(_ message: some Message) -> [UInt8] {
    var writer = ByteWriter()
    message.serialize(into: &writer)
    return writer.array()
  }
}
