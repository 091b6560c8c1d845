import Telemetry
import Testing

@testable import GRPCTransport

private struct NoSink: SpanSink {
  func record(_ span: Span) {}
}

/// One loop's sampler; the number that chance gives is handed in.
private final class Probe {
  private var sampler: TraceSampler

  init(_ sampler: TraceSampler) { self.sampler = sampler }

  func records(_ parent: TraceContext?, at time: UInt64 = 0, chance: Double = 0) -> Bool {
    sampler.records(parent: parent, at: time) { chance }
  }
}

@Suite struct TraceSamplerTests {
  private static let sampled = TraceContext(traceHigh: 1, traceLow: 2, span: 3, isSampled: true)
  private static let unsampled = TraceContext(traceHigh: 1, traceLow: 2, span: 3, isSampled: false)
  private static let second: UInt64 = 1_000_000_000

  private func sampler(_ trust: ParentTrust, ratio: Double = 0, loops: Int = 1) -> Probe {
    Probe(
      TraceSampler(
        TracingConfiguration(sink: NoSink(), rootRatio: ratio, parentTrust: trust),
        loopCount: loops))
  }

  @Test(arguments: [ParentTrust.none, .upTo(5), .all])
  func callsWithoutATraceAreRecordedByTheRatio(trust: ParentTrust) {
    let half = sampler(trust, ratio: 0.5)
    #expect(half.records(nil, chance: 0.49))
    #expect(!half.records(nil, chance: 0.5))
    let all = sampler(trust, ratio: 1)
    #expect(all.records(nil, chance: 0.999))
    let none = sampler(trust, ratio: 0)
    #expect(!none.records(nil, chance: 0))
  }

  @Test func callersDoNotMakeMoreSpansThanTheyMay() {
    let sampler = sampler(.upTo(10))
    var count = 0
    for _ in 0..<1000 where sampler.records(Self.sampled, at: 0) {
      count += 1
    }
    #expect(count == 10)
    // A second later as many again, and no more for all the time that nobody came.
    for time in [Self.second, 100 * Self.second] {
      for _ in 0..<1000 where sampler.records(Self.sampled, at: time) {
        count += 1
      }
    }
    #expect(count == 30)
  }

  @Test func beyondTheBoundTheRatioDecides() {
    let sampler = sampler(.upTo(1), ratio: 0.5)
    #expect(sampler.records(Self.sampled, chance: 0.9))
    #expect(!sampler.records(Self.sampled, chance: 0.9))
    #expect(sampler.records(Self.sampled, chance: 0.1))
  }

  @Test func loopsShareTheBound() {
    let sampler = sampler(.upTo(10), loops: 4)
    let count = (0..<100).count { _ in
      sampler.records(Self.sampled, at: 0)
    }
    #expect(count == 3)
  }

  @Test func whoIsTrustedIsFollowedBothWays() {
    let all = sampler(.all, ratio: 0.5)
    for _ in 0..<1000 { #expect(all.records(Self.sampled, chance: 0.9)) }
    #expect(!all.records(Self.unsampled, chance: 0))
    let some = sampler(.upTo(1), ratio: 1)
    #expect(!some.records(Self.unsampled, chance: 0))
    // Who is not trusted decides neither.
    let none = sampler(.none, ratio: 0.5)
    #expect(!none.records(Self.sampled, chance: 0.9))
    #expect(none.records(Self.unsampled, chance: 0.1))
  }
}
