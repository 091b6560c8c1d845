internal import Buffers

/// How `grpc-message` carries text (PROTOCOL-HTTP2, Status-Message): UTF-8 in which every byte
/// outside 0x20–0x7E, and "%", is "%XX". So is a space at either end: a header's value has none
/// there, and peers close the connection over one (RFC 9113, section 8.2.1).
enum PercentEncoding {
  private static let space = UInt8(ascii: " ")

  /// The text as it is sent; cut at `sizeMax` bytes where that tears neither a "%XX" nor a
  /// character.
  static func encode(_ text: String, sizeMax: Int = .max) -> String {
    if text.utf8.count <= sizeMax, text.utf8.allSatisfy(isPlain), text.utf8.first != space,
      text.utf8.last != space
    {
      return text
    }
    // Spaces stay plain between the first and the last byte that is none.
    let last = text.utf8.reversed().drop { $0 == space }.count
    var bytes: [UInt8] = []
    // The end of the last whole character.
    var end = 0
    for (index, byte) in text.utf8.enumerated() {
      if byte & 0xc0 != 0x80 { end = bytes.count }
      let isKept = isPlain(byte) && (byte != space || (!bytes.isEmpty && index < last))
      guard bytes.count + (isKept ? 1 : 3) <= sizeMax else {
        bytes.removeSubrange(end...)
        break
      }
      if isKept { bytes.append(byte) } else { FormEncoding.append(escaped: byte, to: &bytes) }
    }
    // A cut may leave plain ones at the end.
    while bytes.last == space { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The text; what is not well-formed stays as it is, as the specification asks.
  static func decode(_ encoded: [UInt8]) -> String {
    var bytes: [UInt8] = []
    var index = 0
    while index < encoded.count {
      if encoded[index] == UInt8(ascii: "%"), index + 2 < encoded.count,
        let high = Hex.value(of: encoded[index + 1]), let low = Hex.value(of: encoded[index + 2])
      {
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(encoded[index])
        index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x20...0x7e).contains(byte) && byte != UInt8(ascii: "%")
  }
}
