import Testing

@testable import CarrierSim

@Suite struct XMLReaderTests {
  private func read(_ text: String) throws(XMLError) -> XMLElement {
    try XMLReader.document(Array(text.utf8))
  }

  @Test func readsADocument() throws {
    let root = try read(
      """
      <?xml version="1.0" encoding='UTF-8'?>
      <!-- before --><?target data?>
      <a x="1 &amp; &#50;&#x33;" y='"'><b/>text &lt;<![CDATA[<raw>]]><!-- in --><b> more </b></a>
      <!-- after -->
      """)
    #expect(root.name == "a")
    #expect(root["x"] == "1 & 23")
    #expect(root["y"] == "\"")
    #expect(root["z"] == nil)
    #expect(root.elements.map(\.name) == ["b", "b"])
    #expect(root.text == "text <<raw>")
    #expect(root.elements[1].text == "more")
  }

  @Test(arguments: [
    "", "text", "<a>", "<a></b>", "<a", "<a x></a>", "<a x=1/>", "<a x='1' x='2'/>",
    "<a x='1'y='2'/>", "<a/><b/>", " <?xml version='1.0'?><a/>", "<a>&nbsp;</a>", "<a>&</a>",
    "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>\u{1}</a>", "<a>]]></a>", "<a><!-- -- --></a>",
    "<!DOCTYPE a><a/>", "<?xml version='1.0' encoding='latin-1'?><a/>", "<a x='<'/>", "<1/>",
    "<a>&#-1;</a>", "<a>&#x;</a>", "<a><![CDATA[</a>", "<?xml encoding='UTF-8'?><a/>",
  ])
  func refuses(_ text: String) {
    #expect(throws: XMLError.self) { try read(text) }
  }

  @Test func refusesWhatIsNotUTF8() {
    #expect(throws: XMLError.self) { try XMLReader.document([60, 97, 62, 0xFF, 60, 47, 97, 62]) }
  }

  @Test func boundsDepth() {
    let count = XMLReader.depthMax + 1
    let text =
      String(repeating: "<a>", count: count) + String(repeating: "</a>", count: count)
    #expect(throws: XMLError.self) { try read(text) }
  }

  /// Whatever is cut, doubled or changed, reading ends with an element or an error.
  @Test func endsOnAnyInput() {
    let whole = Array(
      "<?xml version=\"1.0\"?><R a='&amp;'><S>x&#33;<![CDATA[y]]></S><!-- c --><T/></R>".utf8)
    var random = RandomSource(seed: 7)
    for end in whole.indices { _ = try? XMLReader.document(Array(whole[..<end])) }
    for _ in 0..<20_000 {
      var bytes = whole
      for _ in 0...Int.random(in: 0...3, using: &random) {
        let place = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        default: bytes.insert(whole[Int.random(in: whole.indices, using: &random)], at: place)
        }
      }
      _ = try? TwiMLDocument(xml: bytes)
    }
  }
}
