import Testing

@testable import EventLoops

struct ProcessMemoryTests {
  @Test(arguments: [
    ("max\n", Int?.none), ("536870912\n", 536_870_912), ("536870912", 536_870_912), ("", nil),
    ("0", nil), ("-5", nil), ("x", nil),
  ])
  func limitIsReadAsTheKernelWritesIt(text: String, limit: Int?) {
    #expect(ProcessMemory.limit(text) == limit)
  }
}
