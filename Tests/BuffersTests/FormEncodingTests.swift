import Buffers
import Testing

@Suite struct FormEncodingTests {
  @Test func encodesForms() {
    let fields = [(name: "a b", value: "c&d=e+f"), (name: "\u{e9}", value: "-._~/")]
    let text = "a%20b=c%26d%3De%2Bf&%C3%A9=-._~%2F"
    #expect(FormEncoding.encode(fields) == text)
  }

  @Test func everyByteComesBack() {
    let bytes = (0...255).map { UInt8($0) }
    let text = FormEncoding.encode(bytes) { FormEncoding.isAlphanumeric($0) }
    #expect(FormEncoding.decode(text.utf8) == bytes)
    #expect(FormEncoding.decode(text.lowercased().utf8)?.count == 256)
  }

  @Test func aPlusIsASpaceInFormsOnly() {
    #expect(FormEncoding.decode("a+b%2B".utf8) == Array("a b+".utf8))
    #expect(FormEncoding.decode("a+b%2B".utf8, plusIsSpace: false) == Array("a+b+".utf8))
  }

  @Test(arguments: ["%", "a%2", "%zz", "%+1", "%-1", "% 1"])
  func brokenEscapesAreNone(text: String) {
    #expect(FormEncoding.decode(text.utf8) == nil)
  }
}
