import Telephony
import Testing

struct CredentialUseTests {
  private func time(_ second: Int64) -> Timestamp { Timestamp(microseconds: second * 1_000_000) }

  @Test func eventsMakeTheState() {
    var use = CredentialUse()
    #expect(use.state == .unproven)
    use.signed(at: time(5))
    #expect(use.state == .proven)
    use.refused(.create, at: time(6))
    #expect(use.state == .refused)
    use.answered(.create, at: time(9))
    #expect(use.state == .proven)
    // A refusal of the same moment counts: the careful side.
    use.refused(.create, at: time(9))
    #expect(use.state == .refused)
    #expect((use.webhookCount, use.requestCount, use.refusalCount) == (1, 1, 2))
    #expect((use.firstSuccessTime, use.lastSuccessTime) == (time(5), time(9)))
    var refused = CredentialUse()
    refused.refused(.create, at: time(1))
    #expect(refused.state == .refused)
  }

  /// Neither a signed webhook nor a read says that a key may place calls.
  @Test func nothingElseHidesThatCallsAreRefused() {
    var use = CredentialUse()
    use.answered(.create, at: time(1))
    use.refused(.create, at: time(2))
    use.signed(at: time(3))
    use.answered(.other, at: time(4))
    #expect(use.state == .refused)
    #expect((use.lastSuccessTime, use.lastRefusalTime) == (time(4), time(2)))
    use.answered(.create, at: time(5))
    #expect(use.state == .proven)
    // A refused read stands until a request succeeds; a webhook is none.
    use.refused(.other, at: time(6))
    use.signed(at: time(7))
    #expect(use.state == .refused)
    use.answered(.create, at: time(8))
    #expect(use.state == .proven)
  }

  /// Dispatches tell in any order.
  @Test func sumsDoNotDependOnTheOrder() {
    typealias Event = @Sendable (inout CredentialUse) -> Void
    let events: [Event] = [
      { $0.signed(at: Timestamp(microseconds: 7)) },
      { $0.refused(.create, at: Timestamp(microseconds: 3)) },
      { $0.answered(.create, at: Timestamp(microseconds: 2)) },
      { $0.answered(.other, at: Timestamp(microseconds: 9)) },
      { $0.refused(.other, at: Timestamp(microseconds: 8)) },
    ]
    var whole = CredentialUse()
    for event in events { event(&whole) }
    for split in 0...events.count {
      var (first, second) = (CredentialUse(), CredentialUse())
      for event in events[..<split] { event(&first) }
      for event in events[split...] { event(&second) }
      var (one, other) = (first, second)
      one.add(second)
      other.add(first)
      #expect(one == whole)
      #expect(other == whole)
    }
  }

  @Test func countsStayAtTheirBound() {
    var use = CredentialUse()
    use.requestCount = .max
    var more = CredentialUse()
    more.answered(.create, at: time(1))
    use.add(more)
    #expect(use.requestCount == UInt64(Int64.max))
  }
}
