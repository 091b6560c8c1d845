/// Random numbers from a seed, so that a run can be repeated. SplitMix64.
struct RandomSource: RandomNumberGenerator, Sendable, Hashable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// `prefix` and 32 hex digits.
  mutating func sid(_ prefix: String) -> String {
    prefix + hex() + hex()
  }

  /// 32 characters that nobody guesses, as far as the seed is not known.
  mutating func secret() -> String { hex() + hex() }

  private mutating func hex() -> String {
    let digits = String(next(), radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
