import Testing

@Suite struct ImportRulesTests {
  private func findings(_ path: String, _ text: String) -> [String] {
    ImportRules.check(SourceFile(path: path, text: text)).map(\.message)
  }

  @Test func readsEveryFormOfImport() {
    #expect(ImportRules.parse("import Buffers") == .init(module: "Buffers", level: nil))
    #expect(
      ImportRules.parse("package import Buffers") == .init(module: "Buffers", level: "package"))
    #expect(
      ImportRules.parse("@testable internal import struct Buffers.ByteWriter")
        == .init(module: "Buffers", level: "internal"))
    #expect(ImportRules.parse("let imports = 1") == nil)
    #expect(ImportRules.parse("// import Buffers") == nil)
  }

  @Test func anArrowOutsideTheTableIsFound() {
    let path = "Sources/Domain/Registry/X.swift"
    #expect(findings(path, "package import Telephony\n").isEmpty)
    #expect(
      findings(path, "internal import Protobuf\n") == ["Registry must not import Protobuf."])
    #expect(
      findings(path, "internal import FoundationEssentials\n")
        == ["Registry must not import FoundationEssentials."])
    #expect(
      findings("Sources/Adapters/Twilio/X.swift", "internal import StoreSQLite\n")
        == ["Twilio must not import StoreSQLite."])
  }

  @Test func anImportWithoutAnAccessLevelIsFound() {
    let messages = findings("Sources/Domain/Registry/X.swift", "import Telephony\n")
    #expect(messages.count == 1)
    #expect(messages.first?.hasPrefix("Say `internal import Telephony`") == true)
  }

  @Test func anUnknownTargetAndAWrongFloorAreFound() {
    #expect(
      findings("Sources/Domain/Billing/X.swift", "\n")
        == ["Billing has no row in TidyTests' import table."])
    #expect(
      findings("Sources/Apps/Registry/X.swift", "\n") == ["Registry belongs on the floor Domain."])
  }

  /// The table itself keeps the architecture.
  @Test(arguments: ImportTable.rows.sorted { $0.key < $1.key })
  func arrowsPointDown(_ target: String, _ row: ImportTable.Row) throws {
    let floor = try #require(ImportTable.floors.firstIndex(of: row.floor))
    for module in row.ours.subtracting(ImportTable.shims) {
      let other = try #require(ImportTable.rows[module], "\(module) is unknown")
      let below = try #require(ImportTable.floors.firstIndex(of: other.floor))
      #expect(below <= floor, "\(target) -> \(module)")
      // StoreSQL is the one exception, for the reason that stands at its row.
      #expect(
        row.floor != "Adapters" || other.floor != "Adapters" || module == "StoreSQL",
        "Adapters never import each other.")
      #expect(
        row.floor != "Domain" || other.floor == "Domain", "The domain knows nothing below it.")
    }
    // Mutex stands in a module of its own, but it is of the standard library.
    #expect(row.floor != "Domain" || row.system.isSubset(of: ["Synchronization"]))
  }

  @Test func theTableHasNoCycle() {
    var left = ImportTable.rows.mapValues { $0.ours.subtracting(ImportTable.shims) }
    while true {
      let free = left.filter { $0.value.isEmpty }.map(\.key)
      if free.isEmpty { break }
      for name in free { left[name] = nil }
      left = left.mapValues { $0.subtracting(free) }
    }
    #expect(left.isEmpty)
  }
}
