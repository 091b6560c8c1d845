internal import GRPC
internal import Telemetry

/// One loop's share of the calls' metrics: plain numbers, found by indices. Used on that loop only.
///
/// The names are those of gRFC A66 and of OpenTelemetry's semantic conventions 1.44; a duration is
/// counted once under the bounds of both and split up when it is asked for.
final class CallMetrics {
  /// The end of calls of one method with one status.
  private final class Series {
    var duration = Histogram(CallMetrics.durationBounds)
    var sent = Histogram(CallMetrics.sizeBounds)
    var received = Histogram(CallMetrics.sizeBounds)
  }

  /// By ``PathTable/names``.
  private let names: [String]
  private var started: [UInt64]
  /// By method times ``statusCount`` plus status; made with its first call.
  private var series: [Series?]
  /// When the last call began, in nanoseconds of `MonotonicTime`; 0 before the first.
  private(set) var lastStartedAt: UInt64 = 0

  /// Stored, since a static of a computed value is looked up with a call each time.
  private let statusCount: Int

  init(names: [String]) {
    self.names = names
    started = Array(repeating: 0, count: names.count)
    statusCount = StatusCode.allCases.count
    series = Array(repeating: nil, count: names.count * statusCount)
  }

  func noteStart(method: Int, at time: UInt64) {
    started[method] &+= 1
    lastStartedAt = time
  }

  func noteEnd(_ record: borrowing CallRecord, _ code: StatusCode, duration: UInt64) {
    let index = record.method &* statusCount &+ code.rawValue
    let series = series[index] ?? makeSeries(index)
    series.duration.record(duration)
    series.sent.record(record.sent.byteCount)
    series.received.record(record.received.byteCount)
  }

  private func makeSeries(_ index: Int) -> Series {
    let fresh = Series()
    series[index] = fresh
    return fresh
  }

  /// How many calls began, and how many ended with OK and otherwise.
  var totals: (started: UInt64, succeeded: UInt64, failed: UInt64) {
    var succeeded: UInt64 = 0
    var failed: UInt64 = 0
    for (index, series) in series.enumerated() {
      guard let series else { continue }
      if index % statusCount == StatusCode.ok.rawValue {
        succeeded += series.duration.count
      } else {
        failed += series.duration.count
      }
    }
    return (started.reduce(0, &+), succeeded, failed)
  }

  // MARK: What a scrape sees

  func add(to snapshot: inout MetricSnapshot) {
    let families = [
      Self.startedCalls, Self.duration, Self.sentSize, Self.receivedSize, Self.conventionDuration,
    ]
    for family in families { snapshot.add(family) }
    for (method, count) in started.enumerated() where count > 0 {
      snapshot.add(
        Self.startedCalls, [MetricSnapshot.Label("grpc.method", names[method])],
        .counter(Double(count)))
    }
    for (index, series) in series.enumerated() {
      guard let series else { continue }
      let code = StatusCode.allCases[index % statusCount]
      let name = names[index / statusCount]
      let labels: [MetricSnapshot.Label] = [
        .init("grpc.method", name), .init("grpc.status", code.description),
      ]
      let a66 = series.duration.coarsened(to: Self.a66DurationBounds)
      snapshot.add(Self.duration, labels, .histogram(a66))
      snapshot.add(Self.sentSize, labels, .histogram(series.sent))
      snapshot.add(Self.receivedSize, labels, .histogram(series.received))
      let convention = series.duration.coarsened(to: Self.conventionDurationBounds)
      snapshot.add(
        Self.conventionDuration, Self.conventionLabels(name, code), .histogram(convention))
    }
  }

  private static func conventionLabels(
    _ method: String, _ code: StatusCode
  ) -> [MetricSnapshot.Label] {
    [
      .init("rpc.system.name", "grpc"),
      .init("rpc.method", method == PathTable.otherName ? "_OTHER" : method),
      .init("rpc.response.status_code", code.description),
      .init("error.type", code.isServerError ? code.description : ""),
    ]
  }

  private static let startedCalls = MetricDescriptor(
    "grpc.server.call.started", .counter, "Calls that began, those that were refused too.")
  private static let duration = MetricDescriptor(
    "grpc.server.call.duration", .histogram, unit: .seconds,
    "From a call's headers to its status, as the transport sees it.")
  private static let sentSize = MetricDescriptor(
    "grpc.server.call.sent_total_compressed_message_size", .histogram, unit: .bytes,
    "Bytes of a call's responses, compressed, without framing and metadata.")
  private static let receivedSize = MetricDescriptor(
    "grpc.server.call.rcvd_total_compressed_message_size", .histogram, unit: .bytes,
    "Bytes of a call's requests, compressed, without framing and metadata.")
  private static let conventionDuration = MetricDescriptor(
    "rpc.server.call.duration", .histogram, unit: .seconds,
    "The same as grpc.server.call.duration, by OpenTelemetry's conventions.")

  // MARK: Buckets

  private static let a66Seconds: [Double] = [
    0, 0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006,
    0.008, 0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2,
    0.25, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 2, 5, 10, 20, 50, 100,
  ]
  private static let conventionSeconds: [Double] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ]

  /// gRFC A66's buckets of latencies.
  static let a66DurationBounds = HistogramBounds.seconds(a66Seconds)
  /// Those of the semantic conventions.
  static let conventionDurationBounds = HistogramBounds.seconds(conventionSeconds)
  /// Both together, so that one record serves both.
  static let durationBounds = HistogramBounds.seconds(
    Set(a66Seconds + conventionSeconds).sorted())
  /// gRFC A66's buckets of sizes.
  static let sizeBounds = HistogramBounds([
    0, 1 << 10, 2 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20,
    64 << 20, 256 << 20, 1 << 30, 4 << 30,
  ])
}

extension StatusCode {
  /// Whether the conventions count the status as a server's error, and not as its caller's.
  var isServerError: Bool {
    switch self {
    case .unknown, .deadlineExceeded, .unimplemented, .internal, .unavailable, .dataLoss: true
    case .ok, .cancelled, .invalidArgument, .notFound, .alreadyExists, .permissionDenied,
      .resourceExhausted, .failedPrecondition, .aborted, .outOfRange, .unauthenticated:
      false
    }
  }
}
