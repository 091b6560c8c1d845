package import GRPC
internal import Synchronization
package import Telemetry
internal import WellKnown

/// Sends spans to an OpenTelemetry collector over gRPC (OTLP 1.x), in batches.
///
/// ``record(_:)`` is callable from any executor and never waits: what finds the queue full is
/// dropped and counted. ``run()`` sends; without it nothing leaves.
package final class SpanExporter: SpanSink {
  package struct Configuration: Sendable {
    /// How many spans may wait. The number is that of OpenTelemetry's own batch processors.
    package var queueMax = 2048
    /// How many spans one request carries at most.
    package var batchMax = 512
    /// How long spans wait for company.
    package var interval = Duration.seconds(1)
    /// How long the collector may take to answer one request.
    package var exportTimeout = Duration.seconds(10)
    /// What the process is called: the attribute service.name.
    package var serviceName: String

    package init(serviceName: String) { self.serviceName = serviceName }
  }

  /// What became of the spans so far.
  package struct Counts: Sendable, Hashable {
    package var exported: UInt64 = 0
    /// The queue was full, or the collector refused them.
    package var dropped: UInt64 = 0

    package init(exported: UInt64 = 0, dropped: UInt64 = 0) {
      self.exported = exported
      self.dropped = dropped
    }
  }

  private struct State {
    var queue: [Span] = []
    var counts = Counts()
  }

  private let state = Mutex(State())
  private let configuration: Configuration
  private let client: Opentelemetry.Proto.Collector.Trace.V1.TraceServiceClient
  private let sleep: @Sendable (Duration) async throws(CancellationError) -> Void
  private let report: @Sendable (RPCError) -> Void

  /// `sleep` waits, so that tests hold the time; `report` is told why a batch was not taken, once
  /// for each run of failures.
  package init(
    channel: any Channel, configuration: Configuration,
    sleep: @escaping @Sendable (Duration) async throws(CancellationError) -> Void,
    report: @escaping @Sendable (RPCError) -> Void
  ) {
    client = .init(channel: channel)
    self.configuration = configuration
    self.sleep = sleep
    self.report = report
  }

  package var counts: Counts { state.withLock { $0.counts } }

  package func record(_ span: Span) {
    state.withLock { state in
      if state.queue.count < configuration.queueMax {
        state.queue.append(span)
      } else {
        state.counts.dropped += 1
      }
    }
  }

  /// Sends what is recorded until the task is cancelled; then call ``flush()`` for the rest.
  ///
  /// While the collector is away its spans wait in the queue, as many as fit.
  package func run() async {
    var isFailing = false
    while !Task.isCancelled {
      do throws(CancellationError) { try await sleep(configuration.interval) } catch { return }
      do throws(RPCError) {
        try await flush()
        isFailing = false
      } catch {
        if !isFailing { report(error) }
        isFailing = true
      }
    }
  }

  /// Sends all that waits; throws why it could not. A batch that may be taken later waits again.
  package func flush() async throws(RPCError) {
    while true {
      let batch = state.withLock { state -> [Span] in
        let batch = Array(state.queue.prefix(configuration.batchMax))
        state.queue.removeFirst(batch.count)
        return batch
      }
      guard !batch.isEmpty else { return }
      do throws(RPCError) {
        let refused = try await export(batch)
        state.withLock { state in
          state.counts.exported += UInt64(batch.count - refused)
          state.counts.dropped += UInt64(refused)
        }
      } catch {
        giveBack(batch, isRetryable: Self.isRetryable(error.code))
        throw error
      }
    }
  }

  /// How many spans of the batch the collector refused.
  private func export(_ batch: [Span]) async throws(RPCError) -> Int {
    let request = OTLPSpans.request(batch, serviceName: configuration.serviceName)
    let options = CallOptions(timeout: configuration.exportTimeout)
    let response = try await client.export(request, options: options)
    let refused = Int(clamping: response.partialSuccess?.rejectedSpans ?? 0)
    return min(max(refused, 0), batch.count)
  }

  private func giveBack(_ batch: [Span], isRetryable: Bool) {
    state.withLock { state in
      let room = isRetryable ? configuration.queueMax - state.queue.count : 0
      let kept = batch.prefix(max(room, 0))
      state.queue.insert(contentsOf: kept, at: 0)
      state.counts.dropped += UInt64(batch.count - kept.count)
    }
  }

  /// OTLP, section 'Failures': the others mean that the spans can't be taken at all.
  private static func isRetryable(_ code: StatusCode) -> Bool {
    switch code {
    case .cancelled, .deadlineExceeded, .aborted, .outOfRange, .unavailable, .dataLoss,
      .resourceExhausted:
      true
    case .ok, .unknown, .invalidArgument, .notFound, .alreadyExists, .permissionDenied,
      .failedPrecondition, .unimplemented, .internal, .unauthenticated:
      false
    }
  }
}
