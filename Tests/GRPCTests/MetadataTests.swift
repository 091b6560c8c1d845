import GRPC
import Testing

struct MetadataTests {
  @Test func namesMayRepeatAndKeepTheirOrder() {
    var metadata: Metadata = ["a": "1", "b-bin": .binary([2])]
    metadata.append("3", for: "a")
    #expect(metadata["a"] == "1")
    #expect(metadata.texts("a") == ["1", "3"])
    #expect(metadata.binary("b-bin") == [2])
    #expect(metadata["b-bin"] == nil)
    metadata["a"] = "4"
    #expect(metadata.map(\.name) == ["b-bin", "a"])
  }

  @Test func namesAndValuesAreChecked() {
    #expect(Metadata.isValid(name: "x-trace.id_1"))
    #expect(!Metadata.isValid(name: "X"))
    #expect(!Metadata.isValid(name: ""))
    #expect(!Metadata.isValid(name: ":path"))
    #expect(Metadata.isValid(text: "a b~"))
    #expect(!Metadata.isValid(text: "a\nb"))
    #expect(!Metadata.isValid(text: "é"))
  }
}
