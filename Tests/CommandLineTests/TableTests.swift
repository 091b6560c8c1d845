import Testing

@testable import CommandLine

@Suite struct TableTests {
  @Test func alignsColumns() {
    var table = Table(["ID", "NAME", "X"])
    table.append(["a", "", "1"])
    table.append(["long-id", "é", ""])
    #expect(
      table.text == """
        ID       NAME  X
        a        -     1
        long-id  é     -

        """)
  }

  @Test func letsNoControlCharacterThrough() {
    #expect(
      Table.printable("a\u{1b}[31mb\nc\u{202e}d\u{9b}e")
        == "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\u{fffd}e")
  }

  @Test func showsFieldsWithValues() {
    var record = Record()
    record.append("id", "a")
    record.append("nothing", "")
    record.append("longer name", "b")
    #expect(record.text == "id:          a\nlonger name: b\n")
  }

  @Test func quotesJSON() {
    let value = JSON.object([
      .init("a\"b", .string("\\ \n \u{1} \u{2028} é 😀")), .init("n", .array([.number(-1)])),
    ])
    #expect(value.text == #"{"a\"b":"\\ \n \u0001 \u2028 é 😀","n":[-1]}"#)
  }
}
