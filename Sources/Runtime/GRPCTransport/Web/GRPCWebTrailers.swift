internal import Buffers
internal import GRPC
internal import HTTP2

/// The status of a call as the last frame of a body (PROTOCOL-WEB, Message framing).
enum GRPCWebTrailers {
  /// One line for each field, as HTTP/1 writes headers, without the empty line.
  static func block(_ error: RPCError?, _ metadata: Metadata) -> [UInt8] {
    var writer = ByteWriter()
    StatusTrailers.fields(error, metadata).visitFields { name, value in
      writer.append(name)
      writer.append(utf8: ": ")
      writer.append(value)
      writer.append(utf8: "\r\n")
    }
    return writer.array()
  }
}
