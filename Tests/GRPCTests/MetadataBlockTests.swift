import Buffers
import GRPC
import Testing

struct MetadataBlockTests {
  private func block(
    _ fields: [(String, String)], _ arrivals: inout [MetadataBlock.Arrival]
  ) -> Metadata {
    var block = MetadataBlock()
    for (name, value) in fields {
      let arrival = Array(name.utf8).withBytes { name in
        Array(value.utf8).withBytes { block.append(name: name, value: $0) }
      }
      arrivals.append(arrival)
    }
    return block.metadata()
  }

  @Test func whatIsNoMetadataIsLeftOutAndTheRestCanBeEchoed() {
    var arrivals: [MetadataBlock.Arrival] = []
    let metadata = block(
      [
        ("x-a", "1"), ("x-a", "\u{e9}"), ("x-b", "a\tb"), ("x-c", "\u{7f}"), ("x!d", "2"),
        ("X-e", "3"), ("", "4"), ("x-f", ""), ("x-g-bin", "AA, AQ"), ("x-h-bin", "*"),
        ("x-i", " ~"),
      ], &arrivals)
    #expect(
      arrivals == [
        .taken, .leftOut, .leftOut, .leftOut, .leftOut, .leftOut, .leftOut, .taken, .taken,
        .notBase64, .taken,
      ])
    // What a handler does that sends back all that it was sent: each entry is checked.
    var copy = Metadata()
    for entry in metadata { copy.append(entry.value, for: entry.name) }
    #expect(
      copy == [
        "x-a": "1", "x-f": "", "x-g-bin": .binary([0]), "x-g-bin": .binary([1]), "x-i": " ~",
      ])
  }
}
