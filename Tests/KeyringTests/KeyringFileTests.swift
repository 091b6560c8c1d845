import Buffers
import Crypto
import Testing

@testable import Keyring

struct KeyringFileTests {
  let key = Base64.encode([UInt8](repeating: 7, count: 32))

  @Test func generatedKeysComeBackFromTheirText() throws {
    let file = try KeyringFile.generate()
    #expect(try KeyringFile(parsing: file.text) == file)
    #expect(try KeyringFile.generate() != file)
  }

  @Test func firstKeyOfAPurposeIsCurrent() throws {
    let text = "seal new \(key)\nseal old \(key)\nfingerprint f \(key)\nwebhook w \(key)\n"
    let file = try KeyringFile(parsing: text)
    #expect(file.current(.seal)?.name == "new")
    #expect(file.key(.seal, named: "old")?.name == "old")
    #expect(file.key(.seal, named: "w") == nil)
  }

  @Test func badFilesAreRefusedWithTheLine() {
    let good = "seal s \(key)\nfingerprint f \(key)\n"
    let cases: [(String, KeyringFile.Failure)] = [
      ("", .missing(.seal)),
      (good, .missing(.webhook)),
      (good + "webhook w short", .malformedLine(3)),
      (good + "other w \(key)", .malformedLine(3)),
      (good + "webhook W \(key)", .malformedLine(3)),
      (good + "webhook  \(key)", .malformedLine(3)),
      (good + "webhook s \(key)", .repeatedName("s", line: 3)),
    ]
    for (text, failure) in cases {
      #expect(throws: failure) { try KeyringFile(parsing: text) }
    }
    let many = (0...64).map { "seal k\($0) \(key)" }.joined(separator: "\n")
    #expect(throws: KeyringFile.Failure.tooManyKeys(limit: 64)) { try KeyringFile(parsing: many) }
  }

  @Test func textsAboutAKeyringHoldNoKey() throws {
    let file = try KeyringFile(
      parsing: "seal s \(key)\nfingerprint f \(key)\nwebhook w \(key)\n")
    for text in ["\(file)", String(reflecting: file)] {
      #expect(text == "<keyring: s, f, w>")
    }
  }
}
