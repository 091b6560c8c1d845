import Testing

@testable import EventLoops

struct ProcessStatisticsTests {
  @Test func aNameWithParenthesesAndSpacesIsNoField() throws {
    let stat =
      "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 6000 1048576 256 21 22"
    let found = try #require(
      ProcessStatistics(
        stat: stat, boot: "cpu 1 2\nbtime 1700000000\nprocesses 3\n", ticksPerSecond: 100,
        pageSize: 4096, openFileCount: 7, openFilesMax: nil))
    #expect(found.startTime == 1_700_000_060)
    #expect(found.cpuSeconds == 2)
    #expect(found.virtualBytes == 1 << 20)
    #expect(found.residentBytes == 1 << 20)
  }

  @Test(arguments: ["", "42 (a S 1", "42 (a) S 1 2"])
  func otherTextsAreRefused(stat: String) {
    #expect(
      ProcessStatistics(
        stat: stat, boot: "btime 1\n", ticksPerSecond: 100, pageSize: 4096, openFileCount: nil,
        openFilesMax: nil) == nil)
  }
}
