internal import Compression
internal import GRPC
internal import HTTP2

/// The status of a call as headers.
enum StatusTrailers {
  /// No more than so many bytes of trailers leave us, as RFC 9113 counts them: many peers refuse
  /// more than 8 KiB.
  static let sizeMax = 8 << 10

  /// OK without metadata.
  static let ok = HeaderPreset([("grpc-status", "0")])

  /// The headers of an answer with messages.
  static let response = HeaderPreset([(":status", "200"), ("content-type", "application/grpc")])

  /// The same for a client that negotiates encodings.
  static func response(_ format: CompressionFormat?) -> HeaderPreset {
    switch format {
    case nil: announcing
    case .gzip: gzip
    case .deflate: deflate
    }
  }

  private static let announcing = negotiated([])
  private static let gzip = negotiated([("grpc-encoding", "gzip")])
  private static let deflate = negotiated([("grpc-encoding", "deflate")])

  private static func negotiated(_ fields: [(name: String, value: String)]) -> HeaderPreset {
    HeaderPreset(
      [(":status", "200"), ("content-type", "application/grpc")] + fields
        + [("grpc-accept-encoding", CallCompression.acceptedEncodings)])
  }

  /// The fields of a status. An error's details are dropped from the end until they fit, then its
  /// message is cut.
  static func fields(_ error: RPCError?, _ metadata: Metadata) -> HeaderList {
    var list = HeaderList()
    list.append("grpc-status", "\(error?.code.rawValue ?? 0)")
    append(metadata, to: &list)
    guard let error else { return list }
    append(error.metadata, to: &list)
    if !error.message.isEmpty {
      let message = PercentEncoding.encode(error.message)
      let room = max(sizeMax - list.size - 64, 0)
      list.append("grpc-message", cut(message, to: room), isIndexed: false)
    }
    let overhead = "grpc-status-details-bin".utf8.count + 32
    if let details = error.encodedDetails(sizeMax: sizeMax - list.size - overhead) {
      list.append("grpc-status-details-bin", details, isIndexed: false)
    }
    return list
  }

  /// Whole, or cut where no "%XX" is torn.
  private static func cut(_ encoded: String, to size: Int) -> String {
    guard encoded.utf8.count > size else { return encoded }
    var bytes = Array(encoded.utf8.prefix(size))
    if let percent = bytes.suffix(2).lastIndex(of: UInt8(ascii: "%")) {
      bytes.removeSubrange(percent...)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends metadata; what does not fit is left out, since an answer must go out.
  static func append(_ metadata: Metadata, to list: inout HeaderList, sizeMax: Int = sizeMax) {
    for entry in metadata where !isReserved(entry.name) {
      let text =
        switch entry.value {
        case .text(let text): text
        case .binary(let bytes): Base64.encode(bytes)
        }
      guard list.size + entry.name.utf8.count + text.utf8.count + 32 <= sizeMax else { continue }
      list.append(entry.name, text)
    }
  }

  /// Names that belong to the protocol: a handler's metadata can't set them.
  static func isReserved(_ name: String) -> Bool {
    switch name {
    case "grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-timeout", "grpc-encoding",
      "grpc-accept-encoding", "content-type", "te", "connection", "transfer-encoding", "upgrade",
      "keep-alive", "proxy-connection", "host", "content-length":
      true
    default: false
    }
  }
}
