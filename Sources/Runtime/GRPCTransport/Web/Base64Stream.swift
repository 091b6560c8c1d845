internal import Buffers

/// Base64 that comes in pieces and may be padded in the middle, where a sender flushed
/// (PROTOCOL-WEB, Text-encoded streams).
struct Base64Stream: ~Copyable {
  /// What came of a group of four that is not whole: at most three digits.
  private var torn = ByteWriter()

  init() {}

  /// Whether all that came could be decoded: nothing waits for the rest of its group.
  var isWhole: Bool { torn.isEmpty }

  /// Appends the bytes of the groups of four that `text` completes to `output`; `false` if it is
  /// not base64, and nothing more is to be decoded then.
  mutating func decode(_ text: RawSpan, into output: inout ByteWriter) -> Bool {
    let missing = torn.isEmpty ? 0 : min(4 - torn.count, text.byteCount)
    if missing > 0 {
      torn.append(text.extracting(0..<missing))
      guard torn.count == 4 else { return true }
      guard torn.withBytes({ output.append(base64: $0) }) else { return false }
      torn.removeAll()
    }
    let end = text.byteCount - (text.byteCount - missing) % 4
    guard output.append(base64: text.extracting(missing..<end)) else { return false }
    torn.append(text.extracting(end..<text.byteCount))
    return true
  }

  /// A piece of its own, with padding.
  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    Array(Base64.encode(bytes).utf8)
  }
}
