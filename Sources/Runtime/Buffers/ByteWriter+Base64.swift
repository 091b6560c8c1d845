/// The digits of base64 (RFC 4648, section 4).
package enum Base64Alphabet {
  /// The digit of each value.
  package static let digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The value of each digit; 0xFF for every other byte.
  package static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xff, count: 256)
    for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()
}

extension ByteWriter {
  /// Appends the bytes that `groups` stand for: base64 in whole groups of four, any of which may be
  /// padded. `false` if it is not that; nothing is appended then. A byte more or less than whole
  /// groups is a mistake of the caller.
  package mutating func append(base64 groups: RawSpan) -> Bool {
    let size = groups.byteCount
    precondition(size % 4 == 0, "\(size) digits are no whole groups of four")
    let before = count
    var isBase64 = true
    unsafe withReserved(size / 4 * 3) { target in
      let written = unsafe Base64Alphabet.values.withUnsafeBufferPointer { values in
        unsafe groups.withUnsafeBytes { text in
          unsafe Self.decode(text, values, into: target)
        }
      }
      isBase64 = written != nil
      return written ?? 0
    }
    if !isBase64 { removeLast(count - before) }
    return isBase64
  }

  /// How many bytes were written; `nil` if `text` is not base64.
  private static func decode(
    _ text: UnsafeRawBufferPointer, _ values: UnsafeBufferPointer<UInt8>,
    into target: UnsafeMutableRawBufferPointer
  ) -> Int? {
    var written = 0
    for start in stride(from: 0, to: text.count, by: 4) {
      let first = unsafe values[Int(text[start])]
      let second = unsafe values[Int(text[start + 1])]
      let third = unsafe values[Int(text[start + 2])]
      let fourth = unsafe values[Int(text[start + 3])]
      unsafe target[written] = first << 2 | second >> 4
      // No digit has one of the two highest bits.
      guard (first | second | third | fourth) & 0xc0 != 0 else {
        unsafe target[written + 1] = second << 4 | third >> 2
        unsafe target[written + 2] = third << 6 | fourth
        written += 3
        continue
      }
      let pad = UInt8(ascii: "=")
      guard first != 0xff, second != 0xff, unsafe text[start + 3] == pad else { return nil }
      if third != 0xff {
        unsafe target[written + 1] = second << 4 | third >> 2
        written += 2
      } else {
        guard unsafe text[start + 2] == pad else { return nil }
        written += 1
      }
    }
    return written
  }
}
