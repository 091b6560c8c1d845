internal import Telephony

/// An opaque place in a list, bound to what was asked: form, query, place, check, in hex.
///
/// It is no secret and gives no right: a list shows what its caller may see, wherever it begins.
struct PageToken {
  private static let form: UInt8 = 1

  /// What the list was asked for; the next page must ask for the same.
  let query: UInt64
  /// The place, in the words of the list.
  let place: [UInt8]

  init(query: String, place: [UInt8]) {
    self.query = Self.hash(Array(query.utf8))
    self.place = place
  }

  var text: String {
    var bytes: [UInt8] = [Self.form]
    bytes += Self.bytes(of: query)
    bytes += place
    bytes += Self.bytes(of: Self.hash(bytes)).prefix(4)
    return Self.hex(bytes)
  }

  /// Reads a token; refuses one that was not made here or for another query.
  static func place(
    in text: String, query: String, _ validator: inout Validator
  ) -> [UInt8]? {
    guard !text.isEmpty else { return nil }
    guard let bytes = decode(text) else {
      refuse(&validator)
      return nil
    }
    guard Array(bytes[1..<9]) == Self.bytes(of: hash(Array(query.utf8))) else {
      validator.refuse(
        "page_token", .conflicting,
        "The token belongs to a list with other filters. Send the filters of the first page.")
      return nil
    }
    return Array(bytes[9..<(bytes.count - 4)])
  }

  static func refuse(_ validator: inout Validator) {
    validator.refuse(
      "page_token", .malformed,
      "This is no token of this list. Send next_page_token as it came, or begin without one.")
  }

  private static func decode(_ text: String) -> [UInt8]? {
    guard let bytes = self.bytes(ofHex: text), bytes.count >= 13, bytes[0] == form else {
      return nil
    }
    let body = Array(bytes.dropLast(4))
    guard Array(Self.bytes(of: hash(body)).prefix(4)) == Array(bytes.suffix(4)) else { return nil }
    return bytes
  }

  /// Two lower-case digits for each byte.
  static func hex(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.flatMap { [digit($0 >> 4), digit($0 & 15)] }, as: UTF8.self)
  }

  /// Reads them back; nil for other characters and for more than a token has.
  static func bytes(ofHex text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count <= RegistryLimits.pageTokenLengthMax, digits.count.isMultiple(of: 2) else {
      return nil
    }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 48...57: digit - 48
    case 97...102: digit - 87
    default: nil
    }
  }

  static func bytes(of value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
  }

  /// FNV-1a: tells queries apart and finds mistakes; it protects nothing.
  static func hash(_ bytes: [UInt8]) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }
}

extension PageCursor {
  /// The cursor as a token's place: time, then id.
  var place: [UInt8] {
    PageToken.bytes(of: UInt64(bitPattern: createTime.microseconds)) + Array(id.utf8)
  }

  /// nil unless an id of ours could be in it: no other text is asked of a database, which may
  /// refuse it (PostgreSQL: U+0000).
  init?(place: [UInt8]) {
    guard place.count > 8, place.count <= 8 + RegistryLimits.cursorIDLengthMax,
      place.dropFirst(8).allSatisfy({ $0.isLowerOrDigit || $0 == 45 || $0 == 95 })
    else { return nil }
    let time = place.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    self.init(
      createTime: Timestamp(microseconds: Int64(bitPattern: time)),
      id: String(decoding: place.dropFirst(8), as: UTF8.self))
  }
}

/// A list request that was found good.
struct PagePlan {
  var size: Int
  var cursor: PageCursor?
  let query: String

  /// - Parameter query: names the list and its filters: a token of another query is refused.
  init(_ request: PageRequest, query: String, _ validator: inout Validator) {
    self.query = query
    self.size = Self.size(request.size, &validator)
    let place = PageToken.place(in: request.token, query: query, &validator)
    self.cursor = place.flatMap { PageCursor(place: $0) }
    if place != nil, cursor == nil { PageToken.refuse(&validator) }
  }

  static func size(_ asked: Int, _ validator: inout Validator) -> Int {
    if asked < 0 {
      validator.refuse(
        "page_size", .outOfRange,
        "The size is negative. 0 means \(RegistryLimits.pageSizeDefault).")
    }
    return asked == 0 ? RegistryLimits.pageSizeDefault : min(asked, RegistryLimits.pageSizeMax)
  }

  /// Makes a page from what was read with a limit of `size` + 1.
  func page<Element>(_ read: [Element], _ cursor: (Element) -> PageCursor) -> Page<Element> {
    guard read.count > size, size > 0 else { return Page(elements: read, nextToken: "") }
    let elements = Array(read.prefix(size))
    let last = cursor(elements[size - 1])
    return Page(
      elements: elements, nextToken: PageToken(query: query, place: last.place).text)
  }
}
