import Glibc
import Testing

@testable import EventLoops

/// Blocks that a thread took from its heap and gave back, which was of no use to the system yet.
private struct FreedBlocks {
  private static let count = 48
  private static let size = 1 << 20
  private static let pageSize = 4096

  private let addresses: [UInt]

  /// Takes, fills and frees them on the calling thread.
  init() {
    let blocks = (0..<Self.count).map { _ in
      let block = UnsafeMutableRawPointer.allocate(byteCount: Self.size, alignment: 16)
      unsafe block.initializeMemory(as: UInt8.self, repeating: 1, count: Self.size)
      return UInt(bitPattern: block)
    }
    addresses = blocks
    for address in blocks { unsafe UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
  }

  /// Which share of their pages is in memory.
  var residentShare: Double {
    let pages = addresses.flatMap { address in
      let first = (address + UInt(Self.pageSize) - 1) & ~UInt(Self.pageSize - 1)
      return (0..<UInt(Self.size / Self.pageSize - 1)).map { first + $0 * UInt(Self.pageSize) }
    }
    let resident = pages.filter { page in
      var state: UInt8 = 0
      // A page that is not mapped at all is an error.
      return unsafe mincore(UnsafeMutableRawPointer(bitPattern: page), 1, &state) == 0
        && state & 1 == 1
    }
    return Double(resident.count) / Double(pages.count)
  }
}

/// Whether a sanitizer's allocator takes the place of the system's (scripts/sanitize.sh).
private let isSanitized =
  unsafe getenv("ASAN_OPTIONS") != nil || getenv("TSAN_OPTIONS") != nil

@Suite(.timeLimit(.minutes(1)), .disabled(if: isSanitized)) struct FreeMemoryTests {
  /// Trimming all heaps leaves the end of a thread's heap alone, however long it is.
  @Test func theEndOfALoopsHeapIsGivenBack() async {
    let loop = EventLoop(name: "test")
    let (before, after) = await withCheckedContinuation { done in
      loop.execute {
        FreeMemory.prepare()
        let blocks = FreedBlocks()
        let before = blocks.residentShare
        FreeMemory.giveBack(on: loop, isFirst: true)
        done.resume(returning: (before, blocks.residentShare))
      }
    }
    // Other tests may have taken some of it meanwhile.
    #expect(before > 0.75)
    #expect(after < 0.5)
    loop.stop()
  }

  @Test func soIsThatOfTheThreadBesideIt() async {
    let loop = EventLoop(name: "test")
    let blocks = await withCheckedContinuation { done in
      loop.execute {
        FreeMemory.prepare()
        loop.doAside(of: "a") {
          done.resume(returning: FreedBlocks())
        } _: {
        }
      }
    }
    // Other tests may have taken some of it meanwhile.
    #expect(blocks.residentShare > 0.75)
    await withCheckedContinuation { done in
      loop.execute {
        FreeMemory.giveBack(on: loop, isFirst: true)
        // It comes after what was given to the thread before.
        loop.doAside(of: "a") {
        } _: {
          done.resume()
        }
      }
    }
    #expect(blocks.residentShare < 0.5)
    loop.stop()
  }
}
