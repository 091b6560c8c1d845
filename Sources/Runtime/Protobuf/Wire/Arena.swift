package import Buffers
internal import CProtobufC

/// The memory of one encoding or decoding call: blocks filled front to back and freed together.
///
/// The first block is the caller's, usually on the stack, so a small message allocates nothing
/// here. What the arena hands out lives as long as the arena.
@safe package struct Arena: ~Copyable {
  /// The size of the block that a caller lends.
  package static var firstChunkSize: Int { 1024 }
  /// The size of the first block of the arena's own; each further one is twice the last.
  private static var ownChunkSize: Int { 8 << 10 }
  /// Where blocks stop growing.
  private static var ownChunkSizeMax: Int { 1 << 20 }

  private var cursor: UnsafeMutableRawPointer
  private var available: Int
  private var chunks: UnsafeMutableRawPointer?
  private var nextChunkSize: Int
  private var remaining: Int
  private let byteCountMax: Int
  private var isExhausted = false
  /// Whether protobuf-c gave memory back, as it does when it merges the pieces of a message.
  fileprivate var hasFreed = false

  /// Starts with `firstChunk`, which must outlive the arena, and takes at most `byteCountMax` bytes
  /// beyond it.
  @unsafe package init(firstChunk: UnsafeMutableRawBufferPointer, byteCountMax: Int) {
    guard let start = firstChunk.baseAddress else { preconditionFailure("no first block") }
    unsafe cursor = start
    available = firstChunk.count
    unsafe chunks = nil
    nextChunkSize = Self.ownChunkSize
    remaining = byteCountMax
    self.byteCountMax = byteCountMax
  }

  deinit {
    var chunk = unsafe chunks
    while let current = unsafe chunk {
      unsafe chunk = current.load(as: UnsafeMutableRawPointer?.self)
      unsafe current.deallocate()
    }
  }

  /// Takes `size` bytes, aligned for every C type that protobuf-c uses; `nil` when the bound is
  /// reached.
  @unsafe package mutating func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    let rounded = (size &+ 7) & ~7
    guard size >= 0, rounded <= available else { return unsafe allocateSlowly(size) }
    let result = unsafe cursor
    unsafe cursor += rounded
    available -= rounded
    return unsafe result
  }

  @unsafe package mutating func allocateSlowly(_ size: Int) -> UnsafeMutableRawPointer? {
    let header = 16
    guard size >= 0, size <= remaining, remaining > header else {
      isExhausted = true
      return nil
    }
    let chunkSize = max(min(nextChunkSize, remaining), size + header + 8)
    nextChunkSize = min(nextChunkSize * 2, Self.ownChunkSizeMax)
    remaining = max(remaining - chunkSize, 0)
    let chunk = UnsafeMutableRawPointer.allocate(byteCount: chunkSize, alignment: 16)
    unsafe chunk.storeBytes(of: chunks, as: UnsafeMutableRawPointer?.self)
    unsafe chunks = chunk
    unsafe cursor = chunk + header
    available = chunkSize - header
    return unsafe allocate(size)
  }

  /// Unpacks `bytes` as a message of the type `descriptor`, after a scan that they nest at most
  /// `nestingMax` deep where that is given.
  @unsafe package mutating func unpack(
    _ bytes: UnsafeRawBufferPointer, as descriptor: UnsafeRawPointer, nestingMax: Int?
  ) throws(DecodingError) -> UnsafeRawPointer {
    let descriptor = unsafe descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
    if let nestingMax {
      try unsafe NestingScan.check(bytes, as: descriptor, nestingMax: nestingMax)
    }
    var structure = unsafe unpack(bytes, descriptor)
    if hasFreed && !isExhausted,
      let joined = try unsafe DuplicateMerge.merged(Array(bytes), as: descriptor)
    {
      unsafe structure = joined.withUnsafeBytes { unsafe unpack($0, descriptor) }
    }
    guard let structure = unsafe structure else {
      throw isExhausted ? .tooLarge(max: byteCountMax) : .malformed
    }
    return UnsafeRawPointer(structure)
  }

  @unsafe private mutating func unpack(
    _ bytes: UnsafeRawBufferPointer, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> UnsafeMutablePointer<ProtobufCMessage>? {
    unsafe withUnsafeMutablePointer(to: &self) { arena in
      var allocator = unsafe ProtobufCAllocator(
        alloc: arenaAllocate, free: arenaFree, allocator_data: arena)
      return unsafe protobuf_c_message_unpack(
        descriptor, &allocator, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// Appends the encoded form of a C structure.
  @unsafe package static func pack(
    _ structure: UnsafeMutableRawPointer, into writer: inout ByteWriter
  ) {
    let message = unsafe structure.assumingMemoryBound(to: ProtobufCMessage.self)
    let size = unsafe protobuf_c_message_get_packed_size(message)
    unsafe writer.withReserved(size) { room in
      unsafe protobuf_c_message_pack(message, room.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// How many bytes the encoded form of a C structure has.
  @unsafe package static func packedSize(_ structure: UnsafeMutableRawPointer) -> Int {
    unsafe protobuf_c_message_get_packed_size(
      structure.assumingMemoryBound(to: ProtobufCMessage.self))
  }
}

private func arenaAllocate(
  _ arena: UnsafeMutableRawPointer?, _ size: Int
) -> UnsafeMutableRawPointer? {
  unsafe arena?.assumingMemoryBound(to: Arena.self).pointee.allocate(size)
}

/// Nothing is freed before the arena is; it is noted, for ``DuplicateMerge``.
private func arenaFree(_ arena: UnsafeMutableRawPointer?, _ memory: UnsafeMutableRawPointer?) {
  unsafe arena?.assumingMemoryBound(to: Arena.self).pointee.hasFreed = true
}
