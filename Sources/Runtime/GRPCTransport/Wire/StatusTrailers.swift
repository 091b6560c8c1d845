internal import Buffers
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

  /// How large the fields of a status may be for the peer of `session`, which may have asked for
  /// less than ``sizeMax``. `isWithHeaders`: the status is the whole answer.
  static func sizeMax(for session: HTTP2Session, isWithHeaders: Bool = false) -> Int {
    min(sizeMax, session.peerHeaderListSizeMax) - (isWithHeaders ? headersSize : 0)
  }

  /// What the fields of ``response`` count, and grpc-accept-encoding.
  private static let headersSize = 200

  /// The fields of a status, within `sizeMax`: its message, cut at half of that; metadata that
  /// fits; an error's details, from the first on, that fit. The status itself always goes.
  static func fields(
    _ error: RPCError?, _ metadata: Metadata, sizeMax: Int = sizeMax
  ) -> HeaderList {
    var list = HeaderList()
    list.append("grpc-status", "\(error?.code.rawValue ?? 0)")
    if let error, !error.message.isEmpty {
      let overhead = "grpc-message".utf8.count + 32
      let room = min(sizeMax / 2, sizeMax - list.size - overhead)
      let message = PercentEncoding.encode(error.message, sizeMax: max(room, 0))
      if !message.isEmpty { list.append("grpc-message", message, isIndexed: false) }
    }
    append(metadata, to: &list, sizeMax: sizeMax)
    guard let error else { return list }
    append(error.metadata, to: &list, sizeMax: sizeMax)
    let overhead = "grpc-status-details-bin".utf8.count + 32
    if let details = error.encodedDetails(sizeMax: sizeMax - list.size - overhead) {
      list.append("grpc-status-details-bin", details, isIndexed: false)
    }
    return list
  }

  /// Appends metadata; what does not fit is left out, since an answer must go out.
  static func append(_ metadata: Metadata, to list: inout HeaderList, sizeMax: Int = sizeMax) {
    for entry in metadata where !isReserved(entry.name) {
      let text =
        switch entry.value {
        case .text(let text): trimmed(text)
        case .binary(let bytes): Base64.encode(bytes, .unpadded)
        }
      guard list.size + entry.name.utf8.count + text.utf8.count + 32 <= sizeMax else { continue }
      list.append(entry.name, text)
    }
  }

  /// Without spaces at its ends: a header's value has none (RFC 9113, section 8.2.1).
  private static func trimmed(_ text: String) -> String {
    let space = UInt8(ascii: " ")
    guard text.utf8.first == space || text.utf8.last == space else { return text }
    let bytes = Array(text.utf8)
    guard let first = bytes.firstIndex(where: { $0 != space }),
      let last = bytes.lastIndex(where: { $0 != space })
    else { return "" }
    return String(decoding: bytes[first...last], as: UTF8.self)
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
