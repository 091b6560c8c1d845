/// 128 bits that say whether two requests are the same: FNV-1a over their fields.
///
/// Holds for mistakes, not against somebody who looks for collisions; a client can only fool
/// itself.
package struct Fingerprint: Sendable, Hashable {
  private static let offsetBasis: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
  private static let prime: UInt128 = 0x0000_0000_0100_0000_0000_0000_0000_013b

  // Two halves and not one UInt128: see HexIdentifier in Telephony.
  private var high: UInt64
  private var low: UInt64

  package init() {
    self.init(bits: Self.offsetBasis)
  }

  package init(bits: UInt128) {
    self.high = UInt64(truncatingIfNeeded: bits >> 64)
    self.low = UInt64(truncatingIfNeeded: bits)
  }

  package var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }

  /// Takes in one field with its length, so that fields can't run into each other.
  package mutating func combine(_ text: String) {
    combine(text.utf8.count)
    for byte in text.utf8 { combine(byte) }
  }

  package mutating func combine(_ text: String?) {
    combine(text == nil ? 0 as UInt8 : 1)
    if let text { combine(text) }
  }

  package mutating func combine(_ number: Int) {
    var rest = UInt64(bitPattern: Int64(number))
    for _ in 0..<8 {
      combine(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  private mutating func combine(_ byte: UInt8) {
    self = Fingerprint(bits: (bits ^ UInt128(byte)) &* Self.prime)
  }
}
