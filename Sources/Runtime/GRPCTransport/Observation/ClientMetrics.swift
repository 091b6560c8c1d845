internal import EventLoops
internal import GRPC
internal import Telemetry

/// What a channel counts of its calls, on the channel's loop (gRFC A66).
final class ClientMetrics {
  /// Calls and attempts of one method, and how they ended.
  final class Method {
    fileprivate var attemptsStarted: UInt64 = 0
    fileprivate var ends: [Ends?]

    fileprivate init() { ends = Array(repeating: nil, count: StatusCode.allCases.count) }

    fileprivate func ends(_ code: StatusCode) -> Ends {
      if let ends = ends[code.rawValue] { return ends }
      let fresh = Ends()
      ends[code.rawValue] = fresh
      return fresh
    }
  }

  /// Calls and attempts of one method that ended with one status.
  fileprivate final class Ends {
    var call = Histogram(CallMetrics.a66DurationBounds)
    var attempt = Histogram(CallMetrics.a66DurationBounds)
    var sent = Histogram(CallMetrics.sizeBounds)
    var received = Histogram(CallMetrics.sizeBounds)
  }

  /// The most methods that are told apart; calls of others count under ``PathTable/otherName``.
  static let methodsMax = 1000

  private var methods: [MethodDescriptor: Method] = [:]
  private let others = Method()
  private var startedCount: UInt64 = 0
  private var succeededCount: UInt64 = 0
  private var endedCount: UInt64 = 0
  private var lastStartedAt: UInt64 = 0

  /// A call begins; its attempts and its end are told to what this returns.
  func callStarted(_ descriptor: MethodDescriptor, at time: UInt64) -> Method {
    startedCount += 1
    lastStartedAt = time
    if let method = methods[descriptor] { return method }
    guard methods.count < Self.methodsMax else { return others }
    let fresh = Method()
    methods[descriptor] = fresh
    return fresh
  }

  func callEnded(_ method: Method, _ code: StatusCode, duration: UInt64) {
    endedCount += 1
    if code == .ok { succeededCount += 1 }
    method.ends(code).call.record(duration)
  }

  func attemptStarted(_ method: Method) { method.attemptsStarted += 1 }

  func attemptEnded(
    _ method: Method, _ record: CallRecord, _ code: StatusCode, duration: UInt64
  ) {
    let ends = method.ends(code)
    ends.attempt.record(duration)
    ends.sent.record(record.sent.byteCount)
    ends.received.record(record.received.byteCount)
  }

  /// For channelz.
  var counts: CallCounts {
    var counts = CallCounts()
    counts.started = Int64(clamping: startedCount)
    counts.succeeded = Int64(clamping: succeededCount)
    counts.failed = Int64(clamping: endedCount - succeededCount)
    counts.lastStartedAt = ReportClock().wallTime(of: lastStartedAt)
    return counts
  }

  // MARK: What a scrape sees

  func snapshot(target: String) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    for family in [Self.started, Self.attempt, Self.sent, Self.received, Self.call] {
      snapshot.add(family)
    }
    let named = methods.map { ("\($0.key.service)/\($0.key.method)", $0.value) }
    for (name, method) in named.sorted(by: { $0.0 < $1.0 }) + [(PathTable.otherName, others)] {
      let labels = [
        MetricSnapshot.Label("grpc.method", name), MetricSnapshot.Label("grpc.target", target),
      ]
      guard method.attemptsStarted > 0 || method.ends.contains(where: { $0 != nil }) else {
        continue
      }
      snapshot.add(Self.started, labels, .counter(Double(method.attemptsStarted)))
      for (code, ends) in zip(StatusCode.allCases, method.ends) {
        guard let ends else { continue }
        let labels = labels + [MetricSnapshot.Label("grpc.status", code.description)]
        snapshot.add(Self.attempt, labels, .histogram(ends.attempt))
        snapshot.add(Self.sent, labels, .histogram(ends.sent))
        snapshot.add(Self.received, labels, .histogram(ends.received))
        snapshot.add(Self.call, labels, .histogram(ends.call))
      }
    }
    return snapshot
  }

  private static let started = MetricDescriptor(
    "grpc.client.attempt.started", .counter, "Attempts that were sent, repeated ones too.")
  private static let attempt = MetricDescriptor(
    "grpc.client.attempt.duration", .histogram, unit: .seconds,
    "From an attempt's headers to its status.")
  private static let sent = MetricDescriptor(
    "grpc.client.attempt.sent_total_compressed_message_size", .histogram, unit: .bytes,
    "Bytes of an attempt's requests, compressed, without framing and metadata.")
  private static let received = MetricDescriptor(
    "grpc.client.attempt.rcvd_total_compressed_message_size", .histogram, unit: .bytes,
    "Bytes of an attempt's responses, compressed, without framing and metadata.")
  private static let call = MetricDescriptor(
    "grpc.client.call.duration", .histogram, unit: .seconds,
    "From the caller's start of a call to its status, over all attempts.")
}

/// What is measured of one call of a channel.
struct ClientCallRecord {
  let method: ClientMetrics.Method
  /// Nanoseconds of `MonotonicTime`.
  let startedAt: UInt64
  /// The attempt that is open.
  var attempt: CallRecord?
}
