import Testing

@testable import Buffers

struct ByteWriterTests {
  @Test func writesInOrderAndGrows() {
    var writer = ByteWriter()
    writer.append(1)
    writer.append([2, 3])
    writer.append(utf8: "é")
    writer.append(contentsOf: 0..<200)
    let count = writer.count
    #expect(count == 205)
    let start = Array(writer.array().prefix(5))
    #expect(start == [1, 2, 3, 0xC3, 0xA9])
  }

  @Test func reservedBytesCountOnlyAsWritten() {
    var writer = ByteWriter(capacity: 4)
    unsafe writer.withReserved(100) { room in
      unsafe room[0] = 9
      return 1
    }
    let bytes = writer.array()
    #expect(bytes == [9])
  }

  @Test func removesFromTheFrontAndReplaces() {
    var writer = ByteWriter()
    writer.append([1, 2, 3, 4])
    writer.removeFirst(2)
    let seven: [UInt8] = [7]
    unsafe writer.replaceBytes(at: 1, with: seven.span.bytes)
    let written = writer.array()
    #expect(written == [3, 7])
    writer.removeAll(keeping: 0)
    let left = writer.isEmpty
    #expect(left)
  }
}

extension ByteWriter {
  fileprivate mutating func append(contentsOf range: Range<Int>) {
    for value in range { append(UInt8(truncatingIfNeeded: value)) }
  }
}
