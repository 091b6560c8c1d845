internal import Buffers

/// A format that zlib reads and writes, under the name that HTTP gives it as a content coding
/// (RFC 9110, section 8.4.1) and gRPC as a `grpc-encoding`.
package enum CompressionFormat: String, Hashable, Sendable, CaseIterable {
  /// RFC 1952. Several members, one after another, are one text.
  case gzip
  /// The zlib format, RFC 1950: "deflate" in HTTP and gRPC is never the bare RFC 1951.
  case deflate

  /// The format called `name`; `nil` if it is none of ours.
  package init?(name: RawSpan) {
    if name.equals("gzip") {
      self = .gzip
    } else if name.equals("deflate") {
      self = .deflate
    } else {
      return nil
    }
  }

  /// What zlib calls window bits: the largest window, and the wrapper around the data.
  var windowBits: Int32 {
    switch self {
    case .gzip: 15 + 16
    case .deflate: 15
    }
  }
}
