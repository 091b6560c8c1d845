import Testing

@testable import EventLoops

struct ProcessorsTests {
  @Test(arguments: [
    ("max 100000\n", Int?.none), ("150000 100000", 2), ("100000 100000", 1), ("1000 100000", 1),
    ("", nil), ("x y", nil), ("0 100000", nil),
  ])
  func quotaIsRoundedUp(text: String, count: Int?) {
    #expect(Processors.quota(text) == count)
  }

  @Test func thereIsAtLeastOne() { #expect(Processors.usableCount >= 1) }
}
