import Testing

@testable import Telephony

struct TimestampTests {
  @Test func roundsMillisecondsTowardsThePast() {
    #expect(Timestamp(microseconds: 1_999).milliseconds == 1)
    #expect(Timestamp(microseconds: -1).milliseconds == -1)
    #expect(Timestamp(microseconds: -1000).milliseconds == -1)
    #expect(Timestamp(microseconds: -1001).milliseconds == -2)
  }

  @Test func advances() {
    let start = Timestamp(milliseconds: 1000)
    #expect(start.advanced(by: .milliseconds(1500)) == Timestamp(milliseconds: 2500))
    #expect(start.advanced(by: .milliseconds(-1500)) == Timestamp(milliseconds: -500))
    #expect(start.advanced(by: .seconds(Int64.max)).microseconds == .max)
    #expect(start.duration(since: Timestamp(milliseconds: 400)) == .milliseconds(600))
  }
}

struct SecretTests {
  @Test func showsNothing() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(secret, to: &dumped)
    #expect("\(secret) \(String(reflecting: secret)) \(dumped)".contains("hunter2") == false)
    #expect("\([secret])".contains("104") == false)
  }

  @Test func comparesWhole() {
    #expect(Secret("a") == Secret("a"))
    #expect(Secret("a") != Secret("b"))
    #expect(Secret("a") != Secret("ab"))
  }
}
