import CNGHTTP2
import Glibc
import Testing

@testable import HTTP2

/// What nghttp2 does with a session's memory.
@safe private struct Allocator {
  let memory: SessionMemory
  private let functions: nghttp2_mem

  init(_ memory: SessionMemory) {
    self.memory = memory
    unsafe functions = unsafe memory.withAllocator { unsafe $0.pointee }
  }

  func take(_ size: Int) -> UnsafeMutableRawPointer? {
    unsafe functions.malloc(size, functions.mem_user_data)
  }

  func give(_ block: UnsafeMutableRawPointer?) {
    unsafe functions.free(block, functions.mem_user_data)
  }
}

/// Runs `body` on a thread of its own and waits for it.
private func onAnotherThread(_ body: @escaping () -> Void) {
  final class Box {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let started = unsafe pthread_create(
    &thread, nil,
    { context in
      if let context = unsafe context {
        unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
      }
      return nil
    }, Unmanaged.passRetained(Box(body)).toOpaque())
  #expect(started == 0)
  pthread_join(thread, nil)
}

struct SessionMemoryTests {
  @Test(arguments: [0, 1, 24, 88, 1016])
  func aBlockThatWasGivenBackIsTakenAgain(size: Int) {
    let allocator = Allocator(SessionMemory())
    let first = unsafe allocator.take(size)
    unsafe first?.storeBytes(of: 7, as: UInt8.self)
    unsafe allocator.give(first)
    let kept = allocator.memory.keptByteCount
    let second = unsafe allocator.take(size)
    // Whether malloc says how large a block is depends on the C library.
    #expect(unsafe kept == 0 || second == first)
    #expect(allocator.memory.keptByteCount == 0)
    unsafe allocator.give(second)
  }

  @Test func aLargerBlockIsNotOneThatIsTooSmall() {
    let allocator = Allocator(SessionMemory())
    let small = unsafe allocator.take(40)
    unsafe allocator.give(small)
    let large = unsafe allocator.take(400)
    unsafe large?.initializeMemory(as: UInt8.self, repeating: 1, count: 400)
    #expect(unsafe large != small)
    unsafe allocator.give(large)
  }

  @Test func noMoreIsKeptThanTheBound() {
    let allocator = Allocator(SessionMemory())
    let blocks = unsafe (0..<1000).map { _ in unsafe allocator.take(1000) }
    for index in 0..<1000 { unsafe allocator.give(blocks[index]) }
    #expect(allocator.memory.keptByteCount <= SessionMemory.keptMax + 1024)
    unsafe allocator.give(allocator.take(5000))
    #expect(allocator.memory.keptByteCount <= SessionMemory.keptMax + 1024)
  }

  @Test func anotherThreadNeitherTakesNorLeavesABlock() {
    let allocator = Allocator(SessionMemory())
    unsafe allocator.give(allocator.take(100))
    let kept = allocator.memory.keptByteCount
    onAnotherThread {
      let block = unsafe allocator.take(100)
      #expect(allocator.memory.keptByteCount == kept)
      unsafe allocator.give(block)
      #expect(allocator.memory.keptByteCount == kept)
    }
  }

  @Test func aSessionThatEndsLeavesItsBlocks() {
    let memory = SessionMemory()
    for _ in 0..<3 {
      let session = HTTP2Session(role: .server, memory: memory)
      #expect(session.wantsToSend)
    }
    #expect(memory.keptByteCount <= SessionMemory.keptMax + 1024)
  }
}
