internal import CallDispatch

/// A hash without a secret, whose every bit hangs on every byte; `name` stands for the key.
package struct FakeTokenKey: TokenKey {
  private let name: String

  package init(_ name: String = "key") { self.name = name }

  package func code(of bytes: [UInt8]) -> [UInt8] {
    (0..<4).flatMap { part in
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for byte in Array("\(name) \(part) ".utf8) + bytes {
        hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        hash ^= hash >> 29
      }
      return (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * $0)) }
    }
  }
}
