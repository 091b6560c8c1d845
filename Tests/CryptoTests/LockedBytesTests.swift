import EventLoops
import Testing

@testable import Crypto

struct LockedBytesTests {
  /// Lines of a small file of /proc.
  private func lines(_ path: String) throws -> [Substring] {
    let bytes = try #require(SmallFile.read(path: path, byteCountMax: 1 << 24))
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }

  /// The flags of the mapping that holds `address` (proc(5), VmFlags).
  private func flags(of address: UInt) throws -> [Substring] {
    var isIn = false
    for line in try lines("/proc/self/smaps") {
      if let dash = line.firstIndex(of: "-"), let start = UInt(line[..<dash], radix: 16) {
        let rest = line[line.index(after: dash)...].prefix { $0 != " " }
        guard let end = UInt(rest, radix: 16) else { continue }
        isIn = (start..<end).contains(address)
      } else if isIn, line.hasPrefix("VmFlags:") {
        return line.split(separator: " ")
      }
    }
    return []
  }

  @Test(arguments: [32, 10_000])
  func liesInMemoryThatIsLockedAndNotDumped(_ size: Int) throws {
    let key = try LockedBytes(randomCount: size)
    #expect(key.withBytes { $0.indices.contains { _ in true } })
    #expect(LockedBytes.lockFailure == nil)
    let address = unsafe key.withPointer { UInt(bitPattern: $0) }
    for flag in ["lo", "dd", "dc"] {
      #expect(try flags(of: address).contains(Substring(flag)), "\(flag)")
      #expect(try flags(of: address + UInt(size - 1)).contains(Substring(flag)), "\(flag)")
    }
  }

  @Test func aSlotIsWipedBeforeSomebodyElseHasIt() throws {
    // The slots of one page and more: each is given again after its key is gone.
    for _ in 0..<4 {
      var keys: [LockedBytes] = []
      for _ in 0..<200 {
        let fresh = LockedBytes(count: 64) { span in
          for index in span.indices {
            #expect(span[index] == 0)
            span[index] = 0xA5
          }
        }
        keys.append(fresh)
      }
      #expect(keys.allSatisfy { $0 == keys[0] })
    }
  }

  @Test func aFailureWhileItIsFilledIsTold() {
    #expect(throws: CryptoError.notAuthentic) {
      try LockedBytes(count: 8) { _ throws(CryptoError) in throw .notAuthentic }
    }
  }

  @Test func comparesAndSaysNothing() {
    let key = LockedBytes(copying: [1, 2, 3])
    #expect(key == LockedBytes(copying: [1, 2, 3]))
    #expect(key != LockedBytes(copying: [1, 2, 4]))
    #expect(key != LockedBytes(copying: [1, 2]))
    #expect("\(key) \(String(reflecting: key))" == "<key material> <key material>")
    #expect(Mirror(reflecting: key).children.isEmpty)
  }

  @Test func wipedBytesAreGone() {
    var bytes: [UInt8] = [1, 2, 3]
    bytes.wipe()
    #expect(bytes.isEmpty)
  }
}
