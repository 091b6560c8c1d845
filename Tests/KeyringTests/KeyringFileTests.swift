import Buffers
import Crypto
import Testing

@testable import Keyring

extension KeyringFile {
  /// For tests: the texts hold keys.
  init(parsing text: String) throws {
    try self.init(parsing: LockedBytes(copying: Array(text.utf8)))
  }

  var text: String { withText { String(decoding: $0, as: UTF8.self) } }
}

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

  @Test func anotherKeyIsKnownAndThenUsed() throws {
    let first = try KeyringFile.generate()
    let (second, name) = try first.adding(sealKey: nil)
    #expect(name == "seal-2")
    #expect(second.current(.seal)?.name == "seal-1")
    #expect(try second.adding(sealKey: nil).name == "seal-3")
    let used = try second.sealing(with: "seal-2")
    #expect(used.current(.seal)?.name == "seal-2")
    #expect(used.key(.seal, named: "seal-1") == first.key(.seal, named: "seal-1"))
    #expect(used.current(.webhook) == first.current(.webhook))
    #expect(try KeyringFile(parsing: used.text) == used)
    #expect(throws: KeyringFile.Failure.nameTaken("seal-1")) { try first.adding(sealKey: "seal-1") }
    #expect(throws: KeyringFile.Failure.badName("A")) { try first.adding(sealKey: "A") }
    #expect(throws: KeyringFile.Failure.noSuchKey("webhook-1")) {
      try first.sealing(with: "webhook-1")
    }
  }

  @Test func aLiveKeyringKeepsWhatItsNamesMean() throws {
    let first = try KeyringFile.generate()
    let live = LiveKeyring(first)
    let (next, _) = try first.adding(sealKey: "other")
    try live.use(next)
    #expect(live.present == next)
    #expect(throws: KeyringFile.Failure.changedKey("seal-1")) {
      try live.use(try KeyringFile.generate())
    }
    let fresh = "fingerprint f2 \(key)\n"
    #expect(throws: KeyringFile.Failure.changedKey("fingerprint-1")) {
      try live.use(try KeyringFile(parsing: fresh + next.text))
    }
    #expect(live.present == next)
  }

  @Test func textsAboutAKeyringHoldNoKey() throws {
    let file = try KeyringFile(
      parsing: "seal s \(key)\nfingerprint f \(key)\nwebhook w \(key)\n")
    for text in ["\(file)", String(reflecting: file)] {
      #expect(text == "<keyring: s, f, w>")
    }
  }
}
