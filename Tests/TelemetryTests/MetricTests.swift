import Testing

@testable import Telemetry

struct MetricTests {
  private let calls = MetricDescriptor("a.calls", .counter, "Calls.")
  private let time = MetricDescriptor("a.call.duration", .histogram, unit: .seconds, "Time.")

  @Test(arguments: [
    (
      "grpc.server.call.started", MetricDescriptor.Kind.counter, MetricDescriptor.Unit.none,
      "grpc_server_call_started_total"
    ),
    ("grpc.server.call.duration", .histogram, .seconds, "grpc_server_call_duration_seconds"),
    ("a.size", .histogram, .bytes, "a_size_bytes"),
    ("process_start_time_seconds", .gauge, .seconds, "process_start_time_seconds"),
    ("a.things_total", .counter, .none, "a_things_total"),
  ])
  func namesAreThoseOfPrometheus(
    name: String, kind: MetricDescriptor.Kind, unit: MetricDescriptor.Unit, expected: String
  ) {
    #expect(MetricDescriptor(name, kind, unit: unit, "").prometheusName == expected)
  }

  @Test(arguments: ["", "1a", "A", "a-b", "a b", "é"])
  func otherNamesAreRefused(name: String) {
    #expect(!MetricDescriptor.isValid(name: name))
  }

  @Test func aValueBelongsToTheFirstBoundThatIsNotBelowIt() {
    let bounds = HistogramBounds([0, 1, 2, 4, 100, 1 << 40])
    for value: UInt64 in [0, 1, 2, 3, 4, 5, 63, 64, 99, 100, 101, 1 << 39, 1 << 40, .max] {
      let expected = bounds.values.firstIndex { value <= $0 } ?? bounds.values.count
      #expect(bounds.bucket(of: value) == expected, "\(value)")
    }
  }

  @Test func secondsAreKeptExactly() {
    let bounds = HistogramBounds.seconds([0, 1e-5, 0.003, 0.65, 100])
    #expect(bounds.values == [0, 10_000, 3_000_000, 650_000_000, 100_000_000_000])
  }

  @Test func fewerBoundsKeepEveryCount() {
    let fine = HistogramBounds([1, 2, 3, 5, 8, 13])
    let coarse = HistogramBounds([2, 8])
    var all = Histogram(fine)
    var expected = Histogram(coarse)
    for value: UInt64 in 0...20 {
      all.record(value)
      expected.record(value)
    }
    let result = all.coarsened(to: coarse)
    #expect(result.counts == expected.counts)
    #expect(result.counts == [3, 6, 12])
    #expect(result.sum == 210)
    #expect(result.count == 21)
  }

  @Test func shardsAddUp() {
    var total = MetricSnapshot()
    for shard: UInt64 in 1...3 {
      var snapshot = MetricSnapshot()
      snapshot.add(calls, [.init("m", "x")], .counter(Double(shard)))
      snapshot.add(calls, [.init("m", "only \(shard)")], .counter(1))
      var histogram = Histogram(.seconds([1, 2]))
      histogram.record(shard * 1_000_000_000)
      snapshot.add(time, [], .histogram(histogram))
      total.merge(snapshot)
    }
    #expect(
      PrometheusText.render(total) == """
        # HELP a_calls_total Calls.
        # TYPE a_calls_total counter
        a_calls_total{m="x"} 6
        a_calls_total{m="only 1"} 1
        a_calls_total{m="only 2"} 1
        a_calls_total{m="only 3"} 1
        # HELP a_call_duration_seconds Time.
        # TYPE a_call_duration_seconds histogram
        a_call_duration_seconds_bucket{le="1"} 1
        a_call_duration_seconds_bucket{le="2"} 2
        a_call_duration_seconds_bucket{le="+Inf"} 3
        a_call_duration_seconds_sum 6
        a_call_duration_seconds_count 3

        """)
  }

  @Test func textsAreEscapedAndEmptyLabelsLeftOut() {
    var snapshot = MetricSnapshot()
    let gauge = MetricDescriptor("a.b", .gauge, "Two\nlines \\ \"quoted\".")
    snapshot.add(
      gauge, [.init("x.y", "a\"b\\c\nd"), .init("z", "")], .gauge(-0.5))
    snapshot.add(gauge, [.init("x.y", "inf")], .gauge(.infinity))
    #expect(
      PrometheusText.render(snapshot) == #"""
        # HELP a_b Two\nlines \\ "quoted".
        # TYPE a_b gauge
        a_b{x_y="a\"b\\c\nd"} -0.5
        a_b{x_y="inf"} +Inf

        """#)
  }

  @Test func labelsThatRunWildAreBounded() {
    var snapshot = MetricSnapshot()
    for number in 0..<(MetricSnapshot.samplesMax + 5) {
      snapshot.add(calls, [.init("n", "\(number)")], .counter(1))
    }
    #expect(snapshot.families[0].samples.count == MetricSnapshot.samplesMax)
  }

  @Test func aRegistryAsksItsSourcesInTheirOrder() async {
    let registry = MetricRegistry()
    let calls = calls
    registry.add {
      var snapshot = MetricSnapshot()
      snapshot.add(calls, [], .counter(2))
      return snapshot
    }
    registry.addGauge(MetricDescriptor("a.gauge", .gauge, "")) { 1.5 }
    registry.addGauge(MetricDescriptor("a.missing", .gauge, "")) { nil }
    let snapshot = await registry.scrape()
    #expect(snapshot.families.map(\.descriptor.name) == ["a.calls", "a.gauge"])
  }
}

struct LineBudgetTests {
  @Test func aBurstIsLetThroughThenSoManyPerSecond() {
    var budget = LineBudget(burst: 2, perSecond: 10)
    let second: UInt64 = 1_000_000_000
    #expect(budget.take(now: second) == 0)
    #expect(budget.take(now: second) == 0)
    #expect(budget.take(now: second) == nil)
    #expect(budget.take(now: second) == nil)
    // A tenth of a second brings one line, which says that two are missing.
    #expect(budget.take(now: second + second / 10) == 2)
    #expect(budget.take(now: second + second / 10) == nil)
    // However long nothing came, no more than the burst is saved up.
    #expect(budget.take(now: 100 * second) == 1)
    #expect(budget.take(now: 100 * second) == 0)
    #expect(budget.take(now: 100 * second) == nil)
    // A clock that stands still or goes back brings nothing.
    #expect(budget.take(now: second) == nil)
  }
}
