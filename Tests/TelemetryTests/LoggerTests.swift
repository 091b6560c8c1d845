import Synchronization
import Testing

@testable import Telemetry

private final class Lines: Sendable {
  let all = Mutex<[String]>([])
}

struct LoggerTests {
  private let lines = Lines()

  private func logger(_ level: LogLevel = .debug, time: Int64 = 0) -> Logger {
    let lines = lines
    return Logger(
      level: level, now: { time }, write: { line in lines.all.withLock { $0.append(line) } })
  }

  @Test func aLineIsOneJSONObject() {
    logger(time: 1_700_000_000_000_001).with(["role": "registry"])
      .info(
        "started \"it\"\n", ["port": 50051, "tls": false, "took": .duration(.milliseconds(1500))])
    #expect(
      lines.all.withLock { $0 } == [
        #"{"time":"2023-11-14T22:13:20.000001Z","level":"info","message":"started \"it\"\n","#
          + #""role":"registry","port":50051,"tls":false,"took":1.500000}"#
      ])
  }

  @Test func linesBelowTheLevelAreNotMade() {
    let log = logger(.warning)
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    #expect(lines.all.withLock { $0.count } == 2)
  }

  @Test func phoneNumbersAreMaskedInEveryText() {
    logger().info("from +14155550100 to +49301234567x", ["note": "a+b +123456 +1234567"])
    let line = lines.all.withLock { $0[0] }
    #expect(line.contains("from +***00 to +***67x"))
    #expect(line.contains("a+b +123456 +***67"))
  }

  @Test func controlCharactersAndLengthAreTamed() {
    logger().info("\u{0}\u{7F}" + String(repeating: "é", count: 1000))
    let line = lines.all.withLock { $0[0] }
    #expect(line.contains("\\u0000\\u007f"))
    #expect(line.utf8.count < Logger.textLengthMax + 200)
    #expect(line.hasSuffix("…\"}"))
  }

  @Test(arguments: [
    (Int64(0), "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
    (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
    (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
  ])
  func timesAreRFC3339(microseconds: Int64, text: String) {
    #expect(LogTime.text(microseconds: microseconds) == text)
  }
}
