import Testing

@testable import StoreSQL

struct SQLValueTests {
  @Test func rowGivesEachColumnAsItsType() {
    let row = SQLRow(values: [.integer(1), "a", .blob([2]), nil, .integer(0)])
    #expect(row.integer(0) == 1)
    #expect(row.flag(0))
    #expect(!row.flag(4))
    #expect(row.text(1) == "a")
    #expect(row.blob(2) == [2])
    #expect(row.optionalInteger(3) == nil)
    #expect(row.optionalText(3) == nil)
    #expect(row.optionalBlob(3) == nil)
  }

  @Test func nilIsNull() {
    #expect(SQLValue(String?.none) == .null)
    #expect(SQLValue(Int64?.none) == .null)
    #expect(SQLValue([UInt8]?.none) == .null)
    #expect(SQLValue(true) == .integer(1))
  }
}
