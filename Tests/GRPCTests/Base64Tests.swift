import GRPC
import Testing

struct Base64Tests {
  @Test func knownValues() {
    // RFC 4648, section 10, without the padding.
    let known = [
      "": "", "f": "Zg", "fo": "Zm8", "foo": "Zm9v", "foob": "Zm9vYg", "fooba": "Zm9vYmE",
    ]
    for (text, encoded) in known {
      #expect(Base64.encode(Array(text.utf8)) == encoded)
      #expect(Base64.decode(encoded.utf8) == Array(text.utf8))
    }
    #expect(Base64.decode("Zg==".utf8) == Array("f".utf8))
    #expect(Base64.decode("Zm8=".utf8) == Array("fo".utf8))
  }

  @Test(arguments: ["Z", "Zg=", "Zm8==", "Zm9v=", "=", "Z g=", "Zm9v*", "Zg==Zg==", "é"])
  func whatIsNotBase64IsNone(text: String) {
    #expect(Base64.decode(text.utf8) == nil)
  }
}
