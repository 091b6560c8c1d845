internal import Glibc

extension RawSpan {
  /// The byte at `offset`.
  @usableFromInline
  package func byte(at offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < byteCount, "offset \(offset) of \(byteCount)")
    return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }

  /// Whether the bytes are those of `other`.
  @usableFromInline
  package func equals(_ other: [UInt8]) -> Bool {
    guard byteCount == other.count else { return false }
    return unsafe withUnsafeBytes { own in
      unsafe other.withUnsafeBytes { theirs in unsafe own.isSame(as: theirs) }
    }
  }

  /// Whether the bytes are those of `text`.
  @usableFromInline
  package func equals(_ text: StaticString) -> Bool {
    guard byteCount == text.utf8CodeUnitCount else { return false }
    return unsafe withUnsafeBytes { own in
      text.withUTF8Buffer { known in unsafe own.isSame(as: UnsafeRawBufferPointer(known)) }
    }
  }

  /// Whether the bytes begin with those of `text`.
  @usableFromInline
  package func starts(with text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    return byteCount >= count && extracting(0..<count).equals(text)
  }

  /// Whether each byte is as `isGood` wants it.
  @usableFromInline
  package func allBytes(_ isGood: (UInt8) -> Bool) -> Bool {
    unsafe withUnsafeBytes { unsafe $0.allSatisfy(isGood) }
  }

  /// A copy of the bytes.
  @usableFromInline
  package func array() -> [UInt8] {
    unsafe withUnsafeBytes { unsafe Array($0) }
  }

  /// The bytes as text; what is not UTF-8 is replaced.
  @usableFromInline
  package func string() -> String {
    unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// A number from all bytes, for tables that an attacker can't fill.
  @usableFromInline
  package func quickHash() -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: byteCount) &* 0x9e37_79b9_7f4a_7c15
    var offset = 0
    while offset + 8 <= byteCount {
      let word = unsafe unsafeLoadUnaligned(
        fromUncheckedByteOffset: offset, as: UInt64.self)
      hash = (hash ^ word) &* 0xff51_afd7_ed55_8ccd
      hash ^= hash >> 32
      offset += 8
    }
    while offset < byteCount {
      hash = (hash ^ UInt64(byte(at: offset))) &* 0x0000_0100_0000_01b3
      offset += 1
    }
    return hash ^ (hash >> 29)
  }
}

extension UnsafeRawBufferPointer {
  /// Whether the bytes are those of `other`.
  @usableFromInline
  package func isSame(as other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    guard count > 0, let own = baseAddress, let theirs = other.baseAddress else { return true }
    return unsafe memcmp(own, theirs, count) == 0
  }
}
