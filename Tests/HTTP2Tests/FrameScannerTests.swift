import Buffers
import Testing

@testable import HTTP2

private typealias FrameType = FrameScanner.FrameType

/// A frame's bytes.
func frame(
  _ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []
) -> [UInt8] {
  let size = payload.count
  let head: [UInt8] = [UInt8(size >> 16), UInt8(size >> 8 & 0xff), UInt8(size & 0xff), type, flags]
  let id = (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * $0)) }
  return head + id + payload
}

struct FrameScannerTests {
  private func scan(
    _ scanner: inout FrameScanner, _ bytes: some Collection<UInt8>, step: Int = .max
  ) -> [FrameScanner.Frame] {
    var frames: [FrameScanner.Frame] = []
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let chunk = Array(rest.prefix(step))
      rest = rest.dropFirst(step)
      chunk.withBytes { bytes in
        var offset = 0
        while let frame = scanner.next(in: bytes, at: &offset) { frames.append(frame) }
        #expect(offset == bytes.byteCount)
      }
    }
    return frames
  }

  @Test(arguments: [1, 2, 8, 9, 10, 33, Int.max])
  func framesAreTheSameInWhateverPieces(step: Int) {
    let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    let bytes =
      preface + frame(FrameType.settings) + frame(FrameType.headers, flags: 4, [1, 2, 3])
      + frame(FrameType.data, flags: 1, [UInt8](repeating: 9, count: 300)) + frame(0xfa, flags: 7)
    var scanner = FrameScanner(expectsPreface: true)
    #expect(!scanner.hasPreface)
    let frames = scan(&scanner, bytes, step: step)
    #expect(
      frames == [
        .init(length: 0, type: 4, flags: 0), .init(length: 3, type: 1, flags: 4),
        .init(length: 300, type: 0, flags: 1), .init(length: 0, type: 0xfa, flags: 7),
      ])
    #expect(scanner.hasPreface)
    #expect(scanner.headerBlockCount == 1)
  }

  @Test func aHeaderBlockIsReadUntilItsLastByte() {
    var scanner = FrameScanner(expectsPreface: false)
    let bytes =
      frame(FrameType.headers, [1, 2, 3]) + frame(FrameType.continuation, [4])
      + frame(FrameType.continuation, flags: 4, [5, 6])
    for byte in bytes.dropLast() {
      _ = scan(&scanner, [byte])
      #expect(scanner.isReadingHeaderBlock == (scanner.headerBlockCount == 1))
    }
    _ = scan(&scanner, bytes.suffix(1))
    #expect(!scanner.isReadingHeaderBlock)
    #expect(scanner.headerBlockCount == 1)
  }

  @Test func aBlockThatBreaksOffEndsWithTheNextFrame() {
    var scanner = FrameScanner(expectsPreface: false)
    _ = scan(&scanner, frame(FrameType.headers, [1]))
    #expect(scanner.isReadingHeaderBlock)
    _ = scan(&scanner, frame(FrameType.ping, [UInt8](repeating: 0, count: 8)))
    #expect(!scanner.isReadingHeaderBlock)
  }

  @Test func emptyFramesAreThoseThatCarryAndEndNothing() {
    func isEmpty(_ type: UInt8, _ flags: UInt8, _ length: Int) -> Bool {
      FrameScanner.Frame(length: length, type: type, flags: flags).isEmpty
    }
    #expect(isEmpty(FrameType.data, 0, 0))
    #expect(!isEmpty(FrameType.data, 1, 0))
    #expect(!isEmpty(FrameType.data, 0, 1))
    #expect(isEmpty(FrameType.headers, 0, 0))
    #expect(isEmpty(FrameType.continuation, 0, 0))
    #expect(isEmpty(FrameType.continuation, 4, 0))
    #expect(!isEmpty(FrameType.settings, 0, 0))
  }
}
