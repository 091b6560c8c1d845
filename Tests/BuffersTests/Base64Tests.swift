import Buffers
import Testing

@Suite struct Base64Tests {
  // RFC 4648, section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func matchesTheRFC(plain: String, encoded: String) {
    let bytes = Array(plain.utf8)
    let unpadded = String(encoded.prefix { $0 != "=" })
    #expect(Base64.encode(bytes) == encoded)
    #expect(Base64.encode(bytes, .unpadded) == unpadded)
    for reading in [Base64.Reading.standard, .either, .exact] {
      #expect(Base64.decode(encoded.utf8, reading) == bytes)
      #expect(Base64.decode(unpadded.utf8, reading) == bytes)
    }
  }

  @Test(arguments: [
    "=", "A", "Z", "A===", "AA=", "Zg=", "Zg=A", "Zm8==", "Zm9v=", "AAAA=", "AAAA====", "Z g=",
    "Zm9v*", "Zg==Zg==", "\u{e9}",
  ])
  func whatIsNotBase64IsNone(text: String) {
    for reading in [Base64.Reading.standard, .either, .exact] {
      #expect(Base64.decode(text.utf8, reading) == nil)
    }
  }

  @Test func alphabetsAreToldApart() {
    #expect(Base64.encode([0xFB, 0xFF], .urlSafe) == "-_8")
    #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
    #expect(Base64.decode("+/8=".utf8) == [0xFB, 0xFF])
    #expect(Base64.decode("-_8".utf8) == nil)
    #expect(Base64.decode("-_8".utf8, .either) == [0xFB, 0xFF])
    #expect(Base64.decode("-_8".utf8, .exact) == [0xFB, 0xFF])
  }

  @Test func anExactTextStandsForItsBytesAlone() {
    #expect(Base64.decode("Zh==".utf8, .either) == Array("f".utf8))
    #expect(Base64.decode("Zh==".utf8, .exact) == nil)
    #expect(Base64.decode("Zm9".utf8, .either) == Array("fo".utf8))
    #expect(Base64.decode("Zm9".utf8, .exact) == nil)
  }
}
