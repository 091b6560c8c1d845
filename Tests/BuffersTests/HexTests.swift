import Buffers
import Testing

@Suite struct HexTests {
  @Test func bytesComeBack() {
    let bytes = (0...255).map { UInt8($0) }
    let text = Hex.encode(bytes)
    #expect(text.hasPrefix("000102030405060708090a0b") && text.hasSuffix("fdfeff"))
    #expect(Hex.decode(text) == bytes)
    #expect(Hex.decode(text.uppercased()) == bytes)
    #expect(Hex.encode([]) == "" && Hex.decode("") == [])
  }

  @Test(arguments: ["0g", "0", "G0", "/0", ":0", "@0", "`0", "0x"])
  func whatIsNotHexIsNone(text: String) {
    #expect(Hex.decode(text) == nil)
  }
}
