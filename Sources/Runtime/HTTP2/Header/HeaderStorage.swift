internal import Buffers

/// The header blocks of one read, one after another.
///
/// The last block stays when the read is over, and a block that comes is compared with it field by
/// field: while they agree nothing is told apart or kept again.
struct HeaderStorage: ~Copyable {
  /// A last block that is larger is not kept for comparison.
  private static let keptSizeMax = 2 << 10

  private var writer = ByteWriter()
  /// The last block that was finished, if it is still there.
  private var last: Range?
  /// Where the next field of the last block is, while the block being read agrees with it.
  private var agreeing: Int?
  private var version = 0
  private var isOpen = false
  private var openStart = 0
  private var openFields = 0
  private var openSize = 0
  private var openIsTruncated = false

  /// One field: the name's token, two lengths, name, value.
  struct Field {
    static let prefixSize = 8
    let name: HeaderName
    let nameOffset: Int
    let valueOffset: Int
    let end: Int

    init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
      let token = unsafe bytes.load(fromByteOffset: offset, as: UInt8.self)
      let nameSize = unsafe bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self)
      let valueSize = unsafe bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
      name = HeaderName(rawValue: token) ?? .other
      nameOffset = offset + Self.prefixSize
      valueOffset = nameOffset + Int(nameSize)
      end = valueOffset + Int(valueSize)
    }

    /// Whether the field has this name and value.
    func equals(
      _ bytes: UnsafeRawBufferPointer, _ name: UnsafeRawBufferPointer,
      _ value: UnsafeRawBufferPointer
    ) -> Bool {
      let ownName = unsafe UnsafeRawBufferPointer(rebasing: bytes[nameOffset..<valueOffset])
      let ownValue = unsafe UnsafeRawBufferPointer(rebasing: bytes[valueOffset..<end])
      return unsafe ownName.isSame(as: name) && ownValue.isSame(as: value)
    }
  }

  /// Where a finished block is.
  struct Range {
    let start: Int
    let end: Int
    let isTruncated: Bool
    let version: Int
  }

  mutating func begin() {
    isOpen = true
    openStart = writer.count
    openFields = 0
    openSize = 0
    openIsTruncated = false
    agreeing = last?.start
  }

  /// Appends a field unless the block breaks a bound with it; then no more of it is kept.
  mutating func append(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
    _ configuration: borrowing HTTP2Configuration
  ) {
    guard isOpen, !openIsTruncated else { return }
    if let offset = agreeing, let last {
      if offset < last.end,
        let end = unsafe writer.withUnsafeBytes({ bytes -> Int? in
          let field = unsafe Field(bytes, at: offset)
          return unsafe field.equals(bytes, name, value) ? field.end : nil
        })
      {
        agreeing = end
        return
      }
      disagree(at: offset)
    }
    openFields += 1
    openSize += name.count + value.count + 32
    guard openFields <= configuration.headerFieldsMax, openSize <= configuration.headerBytesMax,
      name.count <= UInt16.max
    else {
      openIsTruncated = true
      return
    }
    let token = unsafe HeaderName(name)
    unsafe writer.withReserved(Field.prefixSize + name.count + value.count) { target in
      unsafe target.storeBytes(of: token.rawValue, as: UInt8.self)
      unsafe target.storeBytes(of: UInt16(name.count), toByteOffset: 2, as: UInt16.self)
      unsafe target.storeBytes(of: UInt32(value.count), toByteOffset: 4, as: UInt32.self)
      let names = unsafe UnsafeMutableRawBufferPointer(rebasing: target[Field.prefixSize...])
      unsafe names.copyMemory(from: name)
      unsafe UnsafeMutableRawBufferPointer(rebasing: names[name.count...]).copyMemory(from: value)
      return target.count
    }
  }

  /// The block differs from the last one at `offset`: what agreed is copied, then it goes on.
  private mutating func disagree(at offset: Int) {
    agreeing = nil
    guard let last, offset > last.start else { return }
    let agreed = writer.withBytes { $0.extracting(last.start..<offset).array() }
    writer.append(agreed)
    var next = 0
    unsafe agreed.withUnsafeBytes { bytes in
      while next < bytes.count {
        let field = unsafe Field(bytes, at: next)
        openFields += 1
        openSize += field.end - field.nameOffset + 32
        next = field.end
      }
    }
  }

  mutating func finish() -> Range {
    isOpen = false
    if let offset = agreeing, let last {
      if offset == last.end { return last }
      disagree(at: offset)
    }
    version += 1
    let range = Range(
      start: openStart, end: writer.count, isTruncated: openIsTruncated, version: version)
    last = openIsTruncated || range.end - range.start > Self.keptSizeMax ? nil : range
    return range
  }

  borrowing func withBlock(_ range: Range, _ body: (borrowing HeaderBlock) -> Void) {
    unsafe writer.withUnsafeBytes { bytes in
      let slice = unsafe UnsafeRawBufferPointer(rebasing: bytes[range.start..<range.end])
      let block = unsafe HeaderBlock(
        borrowing: slice, isTruncated: range.isTruncated, version: range.version)
      body(block)
    }
  }

  /// Forgets finished blocks but the last one. One that is being read stays until it is finished.
  mutating func forgetFinished() {
    guard !isOpen else { return }
    guard let last else { return writer.removeAll(keeping: 4 << 10) }
    guard last.start > 0 || last.end < writer.count else { return }
    writer.removeLast(writer.count - last.end)
    writer.removeFirst(last.start)
    self.last = Range(
      start: 0, end: last.end - last.start, isTruncated: false, version: last.version)
  }
}
