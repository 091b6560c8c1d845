import Foundation
import Testing

@testable import Crypto

struct ProtectedLinesTests {
  private let path = "/tmp/trunkline-lines-\(UUID().uuidString)"

  @Test func linesComeBackWhole() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let lines = [[], [1, 2], [UInt8](repeating: 7, count: 300_000), [255]]
    let writer = try ProtectedLineWriter(creating: path)
    for line in lines { try writer.write(line) }
    try writer.finish()
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let reader = try ProtectedLineReader(path)
    var read: [[UInt8]] = []
    while let line = try reader.next() { read.append(line) }
    #expect(read == lines)
    #expect(try reader.next() == nil)
  }

  @Test func fileThatIsThereIsLeftAlone() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try ProtectedFile.create(path, [1])
    #expect(throws: ProtectedFile.Failure.exists) { _ = try ProtectedLineWriter(creating: path) }
    #expect(try ProtectedFile.read(path, limit: 9) == [1])
    #expect(throws: ProtectedFile.Failure.notFound) { _ = try ProtectedLineReader(path + "x") }
  }

  @Test func lineWithoutAnEndIsRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try ProtectedFile.create(path, [UInt8(ascii: "a"), UInt8(ascii: "\n"), UInt8(ascii: "b")])
    let reader = try ProtectedLineReader(path)
    #expect(try reader.next() == [UInt8(ascii: "a")])
    #expect(try reader.next() == nil)
    try ProtectedFile.replace(
      path, [UInt8](repeating: 1, count: ProtectedLineReader.lineSizeMax + 100_000))
    let long = try ProtectedLineReader(path)
    #expect(throws: ProtectedFile.Failure.tooLarge(limit: ProtectedLineReader.lineSizeMax)) {
      _ = try long.next()
    }
  }
}
