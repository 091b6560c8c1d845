internal import Buffers
internal import GRPC

/// One header of a response.
struct WebField: Hashable, Sendable {
  let name: String
  let value: String

  init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

extension [WebField] {
  /// How large they are as headers (RFC 9113, section 6.5.2).
  var headerSize: Int { reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 32 } }

  /// Appends metadata, each name behind `prefix`; binary values as base64. What does not fit in
  /// `sizeMax` bytes is left out, since an answer must go out, as is what belongs to a protocol.
  mutating func append(_ metadata: Metadata, prefix: String = "", sizeMax: Int) {
    var size = headerSize
    for entry in metadata where !Self.isReserved(entry.name) {
      let value =
        switch entry.value {
        case .text(let text): text
        case .binary(let bytes): Base64.encode(bytes, .unpadded)
        }
      // A challenge is where HTTP clients look for it (RFC 9110, section 11.6.1).
      let name = entry.name == "www-authenticate" ? entry.name : prefix + entry.name
      let field = WebField(name, value)
      let fieldSize = [field].headerSize
      guard size + fieldSize <= sizeMax else { continue }
      size += fieldSize
      append(field)
    }
  }

  private static func isReserved(_ name: String) -> Bool {
    if StatusTrailers.isReserved(name) { return true }
    if name.hasPrefix("connect-") || name.hasPrefix("access-control-") { return true }
    switch name {
    case "content-encoding", "accept-encoding", "accept-post", "allow", "vary": return true
    default: return false
    }
  }
}
