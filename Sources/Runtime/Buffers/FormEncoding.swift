/// `application/x-www-form-urlencoded`, names and values in order, repeats allowed; and the
/// percent-encoding that it is made of (RFC 3986, section 2.1).
package enum FormEncoding {
  /// The form of `fields`; everything but letters, digits and `-._~` is percent-encoded.
  package static func encode(_ fields: [(name: String, value: String)]) -> String {
    fields.map { percentEncode($0.name) + "=" + percentEncode($0.value) }.joined(separator: "&")
  }

  /// RFC 3986's unreserved characters stay, every other byte becomes `%XX`.
  package static func percentEncode(_ text: String) -> String {
    encode(text.utf8) { isUnreserved($0) }
  }

  /// `bytes` as text: those that `keeps` wants stay, every other one becomes `%XX`.
  package static func encode(
    _ bytes: some Sequence<UInt8>, keeping keeps: (UInt8) -> Bool
  ) -> String {
    var encoded: [UInt8] = []
    for byte in bytes {
      if keeps(byte) { encoded.append(byte) } else { append(escaped: byte, to: &encoded) }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  /// Appends `%XX`.
  package static func append(escaped byte: UInt8, to encoded: inout [UInt8]) {
    encoded.append(UInt8(ascii: "%"))
    encoded.append(Hex.digit(byte >> 4))
    encoded.append(Hex.digit(byte & 15))
  }

  /// The bytes that `text` stands for: `%XX` is a byte, and `+` a space where `plusIsSpace`, as it
  /// is in forms and queries. Nil when a `%` is followed by anything but two hex digits.
  package static func decode(
    _ text: some Sequence<UInt8>, plusIsSpace: Bool = true
  ) -> [UInt8]? {
    var decoded: [UInt8] = []
    var bytes = text.makeIterator()
    while let byte = bytes.next() {
      switch byte {
      case UInt8(ascii: "+") where plusIsSpace: decoded.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = bytes.next().flatMap(Hex.value), let low = bytes.next().flatMap(Hex.value)
        else { return nil }
        decoded.append(high << 4 | low)
      default: decoded.append(byte)
      }
    }
    return decoded
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || "-._~".utf8.contains(byte)
  }

  /// Whether `byte` is an ASCII letter or digit.
  package static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
