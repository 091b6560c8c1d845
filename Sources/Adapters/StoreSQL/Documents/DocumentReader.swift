internal import Telephony

/// Reads JSON of one known form, forwards and without a tree: what ``StoredDocument`` writes, which
/// has its members in order and nothing between them.
///
/// Every method answers nil, or false, for anything else, correct JSON too: `JSONDecoder` reads
/// that.
struct DocumentReader {
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { place == bytes.count }

  /// Steps over exactly this text, if it is what comes next.
  mutating func take(_ text: String) -> Bool {
    guard comesNext(text) else { return false }
    place += text.utf8.count
    return true
  }

  private func comesNext(_ text: String) -> Bool {
    let (wanted, found) = (text.utf8.span, bytes.span)
    guard wanted.count <= found.count - place else { return false }
    for index in wanted.indices where wanted[index] != found[place + index] { return false }
    return true
  }

  /// What stands between the next two quotation marks; nil where anything in it is escaped.
  private mutating func quoted() -> (bytes: ArraySlice<UInt8>, isASCII: Bool)? {
    guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { return nil }
    let start = place + 1
    var index = start
    var bits: UInt8 = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\"") {
        place = index + 1
        return (bytes[start..<index], bits < 0x80)
      }
      guard byte != UInt8(ascii: "\\"), byte >= 0x20 else { return nil }
      bits |= byte
      index += 1
    }
    return nil
  }

  mutating func text() -> String? {
    guard let (bytes, isASCII) = quoted() else { return nil }
    // Nothing of ASCII is to be repaired, and to validate it takes several times as long.
    return isASCII
      ? String(decoding: bytes, as: UTF8.self) : String(validating: bytes, as: UTF8.self)
  }

  mutating func identifier<Kind>() -> HexIdentifier<Kind>? {
    quoted().flatMap { try? HexIdentifier<Kind>(utf8: $0.bytes) }
  }

  /// One of an enumeration's raw values.
  mutating func word<Value: RawRepresentable<String>>() -> Value? {
    text().flatMap { Value(rawValue: $0) }
  }

  mutating func integer() -> Int64? {
    let isNegative = take("-")
    let start = place
    var value: Int64 = 0
    while place < bytes.count, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[place] {
      let (scaled, isTooGreat) = value.multipliedReportingOverflow(by: 10)
      let digit = Int64(bytes[place] - UInt8(ascii: "0"))
      let (sum, isGreater) = scaled.subtractingReportingOverflow(digit)
      // Negative, since that side has one number more.
      guard !isTooGreat, !isGreater else { return nil }
      value = sum
      place += 1
    }
    // JSON has no number with a leading zero.
    guard place > start, place == start + 1 || bytes[start] != UInt8(ascii: "0") else { return nil }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  mutating func time() -> Timestamp? { integer().map { Timestamp(microseconds: $0) } }

  mutating func flag() -> Bool? {
    if take("true") { return true }
    return take("false") ? false : nil
  }

  /// The elements of a list, whose opening bracket comes next.
  mutating func list<Element>(
    _ element: (inout DocumentReader) -> Element?
  ) -> [Element]? {
    guard take("[") else { return nil }
    if take("]") { return [] }
    var elements: [Element] = []
    while true {
      guard let next = element(&self) else { return nil }
      elements.append(next)
      if take("]") { return elements }
      guard take(",") else { return nil }
    }
  }

  /// Texts by their names.
  mutating func texts() -> [String: String]? {
    guard take("{") else { return nil }
    if take("}") { return [:] }
    var texts: [String: String] = [:]
    while true {
      guard let name = text(), take(":"), let value = text() else { return nil }
      texts[name] = value
      if take("}") { return texts }
      guard take(",") else { return nil }
    }
  }
}
