internal import Glibc

/// Growable bytes with one owner, written front to back.
///
/// A unary response is encoded here once, where it waits to be sent. A value is not `Sendable`: it
/// belongs to the executor that made it. The memory is freed with the value.
@usableFromInline @safe package struct ByteWriter: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  /// How many bytes have been written.
  package private(set) var count: Int = 0
  /// How many bytes there is room for: the memory that the writer holds.
  package private(set) var capacity: Int = 0

  /// Makes an empty writer with room for at least `capacity` bytes; 0 allocates nothing yet.
  @usableFromInline
  package init(capacity: Int = 0) {
    precondition(capacity >= 0, "capacity is \(capacity)")
    if capacity > 0 { reserve(capacity) }
  }

  deinit { unsafe free(base) }

  @usableFromInline
  package var isEmpty: Bool { count == 0 }

  /// Makes room for `additional` more bytes.
  @usableFromInline
  package mutating func reserve(_ additional: Int) {
    let needed = count + additional
    guard needed > capacity else { return }
    let grown = max(needed, capacity * 2, 64)
    // Swift's own `allocate` asks for an alignment, which takes malloc twice as long.
    guard let fresh = unsafe realloc(base, grown) else {
      preconditionFailure("no memory for \(grown) bytes")
    }
    unsafe base = unsafe fresh
    capacity = grown
  }

  /// Appends one byte.
  @usableFromInline
  package mutating func append(_ byte: UInt8) {
    if count == capacity { reserve(1) }
    if let base = unsafe base {
      unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    }
    count += 1
  }

  /// Appends `bytes`.
  @usableFromInline
  package mutating func append(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { source in unsafe append(copying: source) }
  }

  /// Appends `bytes`.
  @usableFromInline
  package mutating func append(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { source in unsafe append(copying: source) }
  }

  /// Appends the UTF-8 bytes of `text`.
  @usableFromInline
  package mutating func append(utf8 text: String) {
    var text = text
    text.withUTF8 { source in unsafe append(copying: UnsafeRawBufferPointer(source)) }
  }

  /// Appends a copy of `source`.
  @usableFromInline
  @unsafe package mutating func append(copying source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress, source.count > 0 else { return }
    reserve(source.count)
    if let base = unsafe base {
      unsafe (base + count).copyMemory(from: start, byteCount: source.count)
    }
    count += source.count
  }

  /// Lends `size` uninitialized bytes at the end to `body`, which says how many of them it wrote.
  @usableFromInline
  package mutating func withReserved(
    _ size: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int
  ) {
    guard size > 0 else { return }
    reserve(size)
    let start = unsafe base.map { unsafe $0 + count }
    let written = unsafe body(UnsafeMutableRawBufferPointer(start: start, count: size))
    precondition(written >= 0 && written <= size, "\(written) bytes written, \(size) reserved")
    count += written
  }

  /// Appends a number, its highest byte first.
  @usableFromInline
  package mutating func append(bigEndian number: UInt32) {
    unsafe withReserved(4) { target in
      unsafe target.storeBytes(of: number.bigEndian, as: UInt32.self)
      return 4
    }
  }

  /// Overwrites four bytes already written with a number, its highest byte first.
  @usableFromInline
  package mutating func replace(at offset: Int, withBigEndian number: UInt32) {
    precondition(offset >= 0 && offset + 4 <= count, "offset \(offset) of \(count)")
    guard let base = unsafe base else { return }
    unsafe base.storeBytes(of: number.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  /// Overwrites a byte already written.
  @usableFromInline
  package mutating func replaceByte(at offset: Int, with byte: UInt8) {
    precondition(offset >= 0 && offset < count, "offset \(offset) of \(count)")
    if let base = unsafe base {
      unsafe base.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }
  }

  /// Overwrites bytes already written, as for a length that is known last.
  @usableFromInline
  package mutating func replaceBytes(at offset: Int, with bytes: RawSpan) {
    precondition(offset >= 0 && offset + bytes.byteCount <= count, "offset \(offset) of \(count)")
    guard let base = unsafe base else { return }
    unsafe bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe (base + offset).copyMemory(from: start, byteCount: source.count)
    }
  }

  /// Lends what has been written.
  @usableFromInline
  package borrowing func withUnsafeBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try unsafe body(UnsafeRawBufferPointer(start: base, count: count))
  }

  /// Lends what has been written.
  @usableFromInline
  package borrowing func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try unsafe body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: base, count: count)))
  }

  /// A copy of what has been written.
  @usableFromInline
  package borrowing func array() -> [UInt8] {
    unsafe withUnsafeBytes { unsafe Array($0) }
  }

  /// Forgets the first `size` bytes; the rest moves to the front.
  @usableFromInline
  package mutating func removeFirst(_ size: Int) {
    precondition(size >= 0 && size <= count, "\(size) of \(count)")
    guard size > 0 else { return }
    if size < count, let base = unsafe base {
      unsafe base.copyMemory(from: base + size, byteCount: count - size)
    }
    count -= size
  }

  /// Forgets the last `size` bytes.
  @usableFromInline
  package mutating func removeLast(_ size: Int) {
    precondition(size >= 0 && size <= count, "\(size) of \(count)")
    count -= size
  }

  /// Forgets all bytes; keeps the memory if it is at most `keeping` bytes.
  @usableFromInline
  package mutating func removeAll(keeping bound: Int = .max) {
    count = 0
    guard capacity > bound else { return }
    unsafe free(base)
    unsafe base = nil
    capacity = 0
  }
}
