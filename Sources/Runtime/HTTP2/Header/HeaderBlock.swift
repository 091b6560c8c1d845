internal import Buffers

/// A header block that came, lent for one call: names are told apart, values are bytes.
@safe package struct HeaderBlock: ~Copyable {
  /// The fields, each as ``HeaderStorage`` wrote it.
  private let bytes: UnsafeRawBufferPointer
  /// Whether fields are missing because the block broke a bound.
  package let isTruncated: Bool

  init(borrowing bytes: UnsafeRawBufferPointer, isTruncated: Bool) {
    unsafe self.bytes = bytes
    self.isTruncated = isTruncated
  }

  /// Calls `body` with each field in its order: its name told apart, its name and its value.
  package borrowing func visitFields(_ body: (HeaderName, RawSpan, RawSpan) -> Void) {
    var offset = 0
    while unsafe offset < bytes.count {
      let field = unsafe HeaderStorage.Field(bytes, at: offset)
      let name = unsafe UnsafeRawBufferPointer(
        rebasing: bytes[field.nameOffset..<field.valueOffset])
      let value = unsafe UnsafeRawBufferPointer(rebasing: bytes[field.valueOffset..<field.end])
      unsafe body(field.name, RawSpan(_unsafeBytes: name), RawSpan(_unsafeBytes: value))
      offset = field.end
    }
  }
}

/// The header blocks of one read, one after another.
struct HeaderStorage: ~Copyable {
  private var writer = ByteWriter()
  /// Where the block begins that is being read; `nil` between blocks.
  private var openStart: Int?
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
  }

  /// Where a finished block is.
  struct Range {
    let start: Int
    let end: Int
    let isTruncated: Bool
  }

  mutating func begin() {
    openStart = writer.count
    openFields = 0
    openSize = 0
    openIsTruncated = false
  }

  /// Appends a field unless the block breaks a bound with it; then no more of it is kept.
  mutating func append(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
    _ configuration: borrowing HTTP2Configuration
  ) {
    guard openStart != nil, !openIsTruncated else { return }
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

  mutating func finish() -> Range {
    let start = openStart ?? writer.count
    openStart = nil
    return Range(start: start, end: writer.count, isTruncated: openIsTruncated)
  }

  borrowing func withBlock(_ range: Range, _ body: (borrowing HeaderBlock) -> Void) {
    unsafe writer.withUnsafeBytes { bytes in
      let slice = unsafe UnsafeRawBufferPointer(rebasing: bytes[range.start..<range.end])
      let block = unsafe HeaderBlock(borrowing: slice, isTruncated: range.isTruncated)
      body(block)
    }
  }

  /// Forgets finished blocks. One that is being read stays until it is finished.
  mutating func forgetFinished() {
    if openStart == nil { writer.removeAll(keeping: 16 << 10) }
  }
}
