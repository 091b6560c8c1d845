internal import Buffers
internal import CNGHTTP2

/// The header blocks of one read, one after another.
///
/// The last block stays when the read is over, and a block that comes is compared with it field by
/// field: while they agree nothing is told apart or kept again. Fields that are in the peer's table
/// come in the same buffers each time, which are kept to be told by their addresses.
struct HeaderStorage: ~Copyable {
  /// A last block that is larger is not kept for comparison.
  private static let keptSizeMax = 2 << 10

  private let headerFieldsMax: Int
  private let headerBytesMax: Int
  private let headerBytesPerReadMax: Int
  private var writer = ByteWriter()
  /// The last block that was finished, if it is still there.
  private var last: Range?
  /// Where the next field of the last block is, while the block being read agrees with it.
  private var agreeing: Int?
  private var version = 0
  private var isOpen = false
  private var openStart = 0
  /// Of the block that is being read or was finished last, as RFC 9113 counts; what agrees with the
  /// block before it is not counted, and is within the bounds.
  private(set) var openFields = 0
  private(set) var openSize = 0
  private var openIsTruncated = false
  /// The first fields of the last block, or of the one being read where that has left the last.
  private var lent: [LentField] = []
  /// How many fields of the block being read agree with the last one.
  private var agreedCount = 0
  /// The most bytes that were here since they were forgotten.
  private var peak = 0

  /// How much memory is kept between reads.
  private static let keptMemoryMax = 16 << 10

  /// Of so many fields of a block the buffers are kept.
  private static let lentFieldsMax = 32

  /// The buffers of a field as nghttp2 lent them, each kept alive by a count of its own.
  @safe private struct LentField {
    let name: OpaquePointer
    let value: OpaquePointer
    /// The field's size here.
    let size: Int
  }

  init(_ configuration: HTTP2Configuration) {
    headerFieldsMax = configuration.headerFieldsMax
    headerBytesMax = configuration.headerBytesMax
    headerBytesPerReadMax = configuration.headerBytesPerReadMax
  }

  deinit {
    for field in lent { Self.giveBack(field) }
  }

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

  /// How many bytes are kept.
  var byteCount: Int { writer.count }

  mutating func begin() {
    abandon()
    isOpen = true
    openStart = writer.count
    openFields = 0
    openSize = 0
    openIsTruncated = false
    agreeing = last?.start
    agreedCount = 0
    if agreeing == nil { forgetLent() }
  }

  /// Appends a field, given as nghttp2's buffers of its name and value, unless the block breaks a
  /// bound with it; then no more of it is kept, its size goes on being counted, and this is
  /// `false`.
  @inline(__always)
  mutating func append(_ name: OpaquePointer, _ value: OpaquePointer) -> Bool {
    if let offset = agreeing, agreedCount < lent.count {
      let field = lent[agreedCount]
      if unsafe field.name == name, unsafe field.value == value {
        agreeing = offset + field.size
        agreedCount += 1
        return true
      }
    }
    return unsafe appendOther(name, value)
  }

  /// Appends a field that is not told by its address.
  private mutating func appendOther(
    _ nameBuffer: OpaquePointer, _ valueBuffer: OpaquePointer
  ) -> Bool {
    guard isOpen else { return true }
    let name = unsafe Self.bytes(nameBuffer)
    let value = unsafe Self.bytes(valueBuffer)
    if let offset = agreeing, let last {
      if offset < last.end,
        let end = unsafe writer.withUnsafeBytes({ bytes -> Int? in
          let field = unsafe Field(bytes, at: offset)
          return unsafe field.equals(bytes, name, value) ? field.end : nil
        })
      {
        agreeing = end
        agreedCount += 1
        return true
      }
      disagree(at: offset)
    }
    let place = openFields
    openFields += 1
    openSize += name.count + value.count + 32
    guard !openIsTruncated, openFields <= headerFieldsMax, openSize <= headerBytesMax,
      name.count <= UInt16.max, writer.count <= headerBytesPerReadMax
    else {
      openIsTruncated = true
      return false
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
    guard place == lent.count, place < Self.lentFieldsMax else { return true }
    unsafe nghttp2_rcbuf_incref(nameBuffer)
    unsafe nghttp2_rcbuf_incref(valueBuffer)
    unsafe lent.append(
      LentField(
        name: nameBuffer, value: valueBuffer,
        size: Field.prefixSize + name.count + value.count))
    return true
  }

  private static func bytes(_ buffer: OpaquePointer) -> UnsafeRawBufferPointer {
    let lent = unsafe nghttp2_rcbuf_get_buf(buffer)
    return unsafe UnsafeRawBufferPointer(start: lent.base, count: lent.len)
  }

  private static func giveBack(_ field: LentField) {
    unsafe nghttp2_rcbuf_decref(field.name)
    unsafe nghttp2_rcbuf_decref(field.value)
  }

  /// Gives nghttp2's buffers back but for those of the first `count` fields.
  mutating func forgetLent(butFirst count: Int = 0) {
    guard lent.count > count else { return }
    for index in count..<lent.count { Self.giveBack(lent[index]) }
    lent.removeLast(lent.count - count)
  }

  /// The block differs from the last one at `offset`: what agreed is copied, then it goes on.
  private mutating func disagree(at offset: Int) {
    agreeing = nil
    forgetLent(butFirst: agreedCount)
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
    if last == nil { forgetLent() }
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

  /// Gives up the block that is being read: what was kept of it goes.
  mutating func abandon() {
    guard isOpen else { return }
    isOpen = false
    // Once it has left the last block, these are of the block that is given up.
    if agreeing == nil { forgetLent() }
    agreeing = nil
    peak = max(peak, writer.count)
    writer.removeLast(writer.count - openStart)
  }

  /// Forgets finished blocks but the last one. What was kept of one that is being read stays.
  mutating func forgetFinished() {
    peak = max(peak, writer.count)
    let kept = last.map { $0.start..<$0.end } ?? writer.count..<writer.count
    let open = isOpen ? openStart..<writer.count : writer.count..<writer.count
    let isTight = kept.count + open.count == writer.count
    if isTight, peak <= Self.keptMemoryMax { return }
    if !isOpen, peak <= Self.keptMemoryMax {
      writer.removeLast(writer.count - kept.upperBound)
      writer.removeFirst(kept.lowerBound)
    } else {
      let (lastBytes, openBytes) = writer.withBytes { bytes in
        (bytes.extracting(kept).array(), bytes.extracting(open).array())
      }
      writer.removeAll(keeping: peak > Self.keptMemoryMax ? 0 : .max)
      peak = 0
      writer.append(lastBytes)
      writer.append(openBytes)
    }
    openStart = kept.count
    guard let before = last else { return }
    if let offset = agreeing { agreeing = offset - before.start }
    last = Range(start: 0, end: kept.count, isTruncated: false, version: before.version)
  }
}
