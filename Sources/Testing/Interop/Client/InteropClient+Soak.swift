internal import EventLoops
internal import GRPC
internal import TestAPI

/// Many calls one after the other, each with a bound on its time.
extension InteropClient {
  /// All calls over one channel.
  func rpcSoak() async {
    await soaked { () async throws(RPCError) in try await soakCall(on: channel) }
  }

  /// Each call over a channel of its own.
  func channelSoak() async {
    await soaked { () async throws(RPCError) in
      try await withChannel { (channel) async throws(RPCError) in
        try await soakCall(on: channel)
      }
    }
  }

  private func soakCall(on channel: any Channel) async throws(RPCError) {
    let request = Testing.SimpleRequest(
      responseSize: Int32(soak.responseSize), payload: Self.zeros(soak.requestSize))
    let response = try await Testing.TestServiceClient(channel: channel)
      .unaryCall(request, options: options(timeout: soak.overallTimeout))
    let size = response.payload?.body.count ?? 0
    if size != soak.responseSize {
      throw RPCError(.dataLoss, "The payload's size is \(size), not \(soak.responseSize).")
    }
  }

  /// Plays all iterations, `soak.threads` at a time, until the overall time is over.
  private func soaked(_ call: @escaping @Sendable () async throws(RPCError) -> Void) async {
    let begin = ContinuousClock.now
    let end = begin.advanced(by: soak.overallTimeout)
    var latencies: [Duration] = []
    var failures: [String] = []
    await withTaskGroup(of: ([Duration], [String]).self) { group in
      for thread in 0..<soak.threads {
        let share =
          soak.iterations / soak.threads + (thread < soak.iterations % soak.threads ? 1 : 0)
        group.addTask { await iterations(share, until: end, call) }
      }
      for await (times, reasons) in group {
        latencies += times
        failures += reasons
      }
    }
    latencies.sort()
    report.note(
      "\(latencies.count) of \(soak.iterations) iterations in \(begin.duration(to: .now)), "
        + "\(failures.count) failed; latency median \(quantile(0.5, latencies)), "
        + "90 % \(quantile(0.9, latencies)), most \(latencies.last ?? .zero).")
    report.expect("the number of iterations in time", latencies.count, is: soak.iterations)
    if failures.count > soak.failuresMax {
      report.fail("\(failures.count) iterations failed; \(soak.failuresMax) may.")
      for failure in failures { report.fail(failure) }
    }
  }

  /// Gives back how long each call took, and why calls failed.
  private func iterations(
    _ count: Int, until end: ContinuousClock.Instant,
    _ call: @Sendable () async throws(RPCError) -> Void
  ) async -> ([Duration], [String]) {
    var latencies: [Duration] = []
    var failures: [String] = []
    while latencies.count < count, ContinuousClock.now < end {
      let begin = ContinuousClock.now
      do throws(RPCError) {
        try await call()
      } catch {
        failures.append("An iteration ended with \(error).")
      }
      let latency = begin.duration(to: .now)
      latencies.append(latency)
      if latency > soak.latencyMax {
        failures.append("An iteration took \(latency); \(soak.latencyMax) is the limit.")
      }
      if latency < soak.pace, latencies.count < count {
        // Nobody cancels it but the end of the process.
        try? await loop.sleep(for: soak.pace - latency)
      }
    }
    return (latencies, failures)
  }

  private func quantile(_ share: Double, _ sorted: [Duration]) -> Duration {
    sorted.isEmpty ? .zero : sorted[Int(Double(sorted.count - 1) * share)]
  }
}
