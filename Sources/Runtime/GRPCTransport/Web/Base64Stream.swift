internal import Buffers
internal import GRPC

/// Base64 that comes in pieces and may be padded in the middle, where a sender flushed
/// (PROTOCOL-WEB, Text-encoded streams).
struct Base64Stream: Sendable {
  private var digits: [UInt8] = []

  init() {}

  /// Whether all that came could be decoded: nothing waits for the rest of its group.
  var isWhole: Bool { digits.isEmpty }

  /// The bytes of the groups of four that `text` completes; `nil` if it is not base64.
  mutating func decode(_ text: RawSpan) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.byteCount * 3 / 4)
    for offset in 0..<text.byteCount {
      digits.append(text.byte(at: offset))
      guard digits.count == 4 else { continue }
      guard let group = Base64.decode(digits) else { return nil }
      bytes.append(contentsOf: group)
      digits.removeAll(keepingCapacity: true)
    }
    return bytes
  }

  /// A piece of its own, with padding.
  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text = Array(Base64.encode(bytes).utf8)
    while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
    return text
  }
}
