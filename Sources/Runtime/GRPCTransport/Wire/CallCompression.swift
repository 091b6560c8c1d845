internal import Buffers
internal import Compression
internal import GRPC

/// How the messages of one call may be compressed, as the client's headers say it.
struct CallCompression: Hashable {
  /// The request's `grpc-encoding`; `nil` is identity: no request message may be compressed.
  var requests: CompressionFormat?
  /// What responses may be compressed to: an encoding that the client lists in its
  /// `grpc-accept-encoding`, rather the one that it uses itself. `nil` compresses nothing.
  var responses: CompressionFormat?
  /// Whether the client negotiates encodings, so that the answer says which ones we take.
  var announcesEncodings = false

  /// Nothing is compressed.
  static let none = CallCompression()

  /// What we take, for `grpc-accept-encoding`.
  static let acceptedEncodings = "identity,deflate,gzip"

  init() {}

  /// `accepted` are the formats that the client lists; `nil` when it lists none at all.
  init(requests: CompressionFormat?, accepted: AcceptedEncodings?) {
    self.requests = requests
    announcesEncodings = accepted != nil || requests != nil
    guard let accepted else { return }
    if let requests, accepted.contains(requests) {
      responses = requests
    } else {
      responses = [.gzip, .deflate].first { accepted.contains($0) }
    }
  }
}

/// The formats in a `grpc-accept-encoding` (doc/compression.md): a list of names between commas.
struct AcceptedEncodings: Hashable {
  private var hasGzip = false
  private var hasDeflate = false

  init(_ value: RawSpan) {
    var start = 0
    while start <= value.byteCount {
      var end = start
      while end < value.byteCount, value.byte(at: end) != UInt8(ascii: ",") { end += 1 }
      switch Self.trimmed(value.extracting(start..<end)) {
      case .gzip: hasGzip = true
      case .deflate: hasDeflate = true
      case nil: break
      }
      start = end + 1
    }
  }

  func contains(_ format: CompressionFormat) -> Bool {
    switch format {
    case .gzip: hasGzip
    case .deflate: hasDeflate
    }
  }

  /// What several fields list together.
  mutating func formUnion(_ other: AcceptedEncodings) {
    hasGzip = hasGzip || other.hasGzip
    hasDeflate = hasDeflate || other.hasDeflate
  }

  private static func trimmed(_ name: RawSpan) -> CompressionFormat? {
    var (start, end) = (0, name.byteCount)
    while start < end, isSpace(name.byte(at: start)) { start += 1 }
    while start < end, isSpace(name.byte(at: end - 1)) { end -= 1 }
    return CompressionFormat(name: name.extracting(start..<end))
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }
}
