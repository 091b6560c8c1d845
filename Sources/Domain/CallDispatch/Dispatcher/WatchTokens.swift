internal import Telephony

/// Where a watch of calls stands: every change of a region up to its number was told.
typealias WatchPlace = [Region: Int64]

/// Makes and reads the resume tokens of one tenant's watches with one filter: places in hex that
/// say nothing to who has no key, since a region's changes are those of all tenants.
///
/// Deterministic authenticated encryption in the way of RFC 5297: the check is a keyed hash of
/// tenant and place, and the pad that hides the place is a keyed hash of the check.
struct WatchTokens: Sendable {
  let tenant: TenantID
  let key: any TokenKey
  private let filter: Fingerprint

  private static let form: UInt8 = 1
  private static let checkSize = 16
  /// In the order of a token. A further region comes last, under a further form.
  private static let regions: [Region] = [.us1, .ie1, .au1]
  /// Form, filter, a number for each region.
  private static let plainSize = 1 + 16 + 8 * regions.count

  init(filter: CallFilter, key: any TokenKey) {
    self.tenant = filter.tenant
    self.filter = CallToken.fingerprint(of: filter)
    self.key = key
  }

  func text(of place: WatchPlace) -> String {
    var plain = [Self.form] + filterBytes
    for region in Self.regions { plain += Self.bytes(of: UInt64(clamping: place[region] ?? 0)) }
    let check = check(of: plain)
    return Self.hex(check + masked(plain, check))
  }

  /// Refuses what is no token at all, or one of another filter. One that was not made for this
  /// tenant, by this deployment or by this version has expired as far as its holder is concerned.
  func place(in text: String) throws(DispatchError) -> WatchPlace {
    if Self.isOfEarlierVersion(text) { throw .resumeTokenExpired }
    guard let bytes = Self.bytes(ofHex: text) else { throw Self.refusal }
    let check = Array(bytes.prefix(Self.checkSize))
    let plain = masked(Array(bytes.dropFirst(Self.checkSize)), check)
    guard self.check(of: plain) == check, plain[0] == Self.form else {
      throw .resumeTokenExpired
    }
    guard Array(plain[1..<17]) == filterBytes else { throw Self.refusal }
    var place: WatchPlace = [:]
    for (index, region) in Self.regions.enumerated() {
      place[region] = Int64(clamping: Self.word(plain, 17 + 8 * index))
    }
    return place
  }

  private static var refusal: DispatchError {
    .invalid([.init("resume_token", "It is not a token of a watch with these filters.")])
  }

  /// Earlier versions wrote the filter's hash and one number for all regions: `r4f….17`.
  private static func isOfEarlierVersion(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= Limits.tokenLengthMax, parts.count == 2, parts[0].first == "r" else {
      return false
    }
    return UInt128(parts[0].dropFirst(), radix: 16) != nil && Int64(parts[1]) != nil
  }

  private var filterBytes: [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: filter.bits >> UInt128(8 * (15 - $0))) }
  }

  private func check(of plain: [UInt8]) -> [UInt8] {
    let code = key.code(of: Array("watch of calls: check \(tenant) ".utf8) + plain)
    return Array(code.prefix(Self.checkSize))
  }

  /// Hides, or shows again.
  private func masked(_ bytes: [UInt8], _ check: [UInt8]) -> [UInt8] {
    var pad: [UInt8] = []
    while pad.count < bytes.count {
      pad += key.code(of: Array("watch of calls: pad \(pad.count) ".utf8) + check)
    }
    return zip(bytes, pad).map { $0 ^ $1 }
  }

  private static func bytes(of value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
  }

  private static func word(_ bytes: [UInt8], _ index: Int) -> UInt64 {
    bytes[index..<index + 8].reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Two lower-case digits for each byte.
  private static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// Reads a token's bytes back; nil for other characters and another length.
  private static func bytes(ofHex text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count == 2 * (checkSize + plainSize) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - 48
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - 87
    default: nil
    }
  }
}
