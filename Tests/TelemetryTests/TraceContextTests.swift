import Testing

@testable import Telemetry

struct TraceContextTests {
  private let sample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

  @Test func readsAndWritesTraceparent() throws {
    let context = try #require(TraceContext(traceparent: sample, tracestate: "a=1"))
    #expect(context.traceID == "0af7651916cd43dd8448eb211c80319c")
    #expect(context.span == 0xb7ad_6b71_6920_3331)
    #expect(context.isSampled)
    #expect(context.state == "a=1")
    #expect(context.traceparent == sample)
  }

  @Test func childKeepsTheTrace() throws {
    let context = try #require(TraceContext(traceparent: sample, tracestate: "a=1"))
    let child = context.child(isSampled: true)
    #expect(child.traceID == context.traceID)
    #expect(child.span != context.span)
    #expect(child.isSampled && child.state == "a=1")
    #expect(TraceContext(traceparent: child.traceparent, tracestate: "a=1") == child)
  }

  @Test func rootsDiffer() {
    let one = TraceContext.root(isSampled: false)
    #expect(one.traceID != TraceContext.root(isSampled: false).traceID)
    #expect(one.traceparent.hasSuffix("-00"))
  }

  @Test func leadingZeroesStay() throws {
    let text = "00-00000000000000000000000000000001-0000000000000002-00"
    #expect(try #require(TraceContext(traceparent: text)).traceparent == text)
  }

  @Test(arguments: [
    "", "00", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
    "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
    "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  ])
  func refusesWhatIsNone(text: String) {
    #expect(TraceContext(traceparent: text) == nil)
  }

  @Test func readsALaterVersion() {
    #expect(TraceContext(traceparent: "01" + sample.dropFirst(2) + "-more") != nil)
  }

  @Test func dropsALongState() {
    let long = String(repeating: "a", count: TraceContext.stateLengthMax + 1)
    #expect(TraceContext(traceparent: sample, tracestate: long)?.state.isEmpty == true)
  }
}
