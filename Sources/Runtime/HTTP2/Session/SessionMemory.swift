internal import CNGHTTP2
internal import Glibc

/// Blocks that nghttp2 gave back, for the sessions of one thread: for each call it takes eight and
/// gives them back.
///
/// Each is a block of malloc's, so that what comes from another thread, as when a handler there had
/// the last reference to a connection, just goes to malloc and free. Kept alive by the sessions
/// that use it. Make it on the thread that it is for.
@safe package final class SessionMemory {
  private let lists: UnsafeMutablePointer<Lists>

  /// How many bytes are kept, for all sessions of the thread.
  static let keptMax = 256 << 10
  /// Blocks of more bytes are not kept.
  static let blockSizeMax = 1016

  /// What the callbacks use, which count no references.
  @safe struct Lists {
    let thread: pthread_t
    var keptByteCount = 0
    /// By the size in units of 16 bytes, as malloc rounds it: blocks each of which names the next.
    let heads: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  }

  private static let listCount = (blockSizeMax + 8) / 16 + 1

  package init() {
    let heads = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: Self.listCount)
    unsafe heads.initialize(repeating: nil, count: Self.listCount)
    unsafe lists = .allocate(capacity: 1)
    unsafe lists.initialize(to: Lists(thread: pthread_self(), heads: heads))
  }

  deinit {
    for index in 0..<Self.listCount {
      var next = unsafe lists.pointee.heads[index]
      while let block = unsafe next {
        unsafe next = block.load(as: UnsafeMutableRawPointer?.self)
        unsafe free(block)
      }
    }
    unsafe lists.pointee.heads.deallocate()
    unsafe lists.deallocate()
  }

  /// How many bytes are kept at the moment.
  var keptByteCount: Int { unsafe lists.pointee.keptByteCount }

  /// Lends what a new session copies.
  func withAllocator<Result>(_ body: (UnsafeMutablePointer<nghttp2_mem>) -> Result) -> Result {
    var memory = unsafe nghttp2_mem(
      mem_user_data: lists, malloc: takeBlock, free: giveBlock, calloc: takeZeros,
      realloc: resizeBlock)
    return unsafe body(&memory)
  }
}

extension SessionMemory.Lists {
  /// A block of at least `size` bytes.
  fileprivate mutating func take(_ size: Int) -> UnsafeMutableRawPointer? {
    guard size <= SessionMemory.blockSizeMax, thread == pthread_self()
    else { return unsafe malloc(size) }
    let index = (max(size, 24) &+ 23) &>> 4
    guard let block = unsafe heads[index] else { return unsafe malloc(size) }
    unsafe heads[index] = block.load(as: UnsafeMutableRawPointer?.self)
    keptByteCount &-= index &<< 4
    return unsafe block
  }

  fileprivate mutating func give(_ block: UnsafeMutableRawPointer) {
    guard thread == pthread_self(), keptByteCount < SessionMemory.keptMax else {
      return unsafe free(block)
    }
    let size = unsafe cnghttp2_usable_size(block)
    guard size >= 24, size <= SessionMemory.blockSizeMax else { return unsafe free(block) }
    let index = (size &+ 8) &>> 4
    unsafe block.storeBytes(of: heads[index], as: UnsafeMutableRawPointer?.self)
    unsafe heads[index] = block
    keptByteCount &+= index &<< 4
  }
}

private func takeBlock(
  _ size: Int, _ context: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
  unsafe context?.assumingMemoryBound(to: SessionMemory.Lists.self).pointee.take(size)
}

private func giveBlock(_ block: UnsafeMutableRawPointer?, _ context: UnsafeMutableRawPointer?) {
  guard let block = unsafe block else { return }
  unsafe context?.assumingMemoryBound(to: SessionMemory.Lists.self).pointee.give(block)
}

private func takeZeros(
  _ count: Int, _ size: Int, _ context: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
  unsafe calloc(count, size)
}

private func resizeBlock(
  _ block: UnsafeMutableRawPointer?, _ size: Int, _ context: UnsafeMutableRawPointer?
) -> UnsafeMutableRawPointer? {
  unsafe realloc(block, size)
}
