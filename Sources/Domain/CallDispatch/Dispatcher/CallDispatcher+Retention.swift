internal import Telephony

// Forgetting calls that are over for long.
extension CallDispatcher {
  /// Forgets calls that were made longer ago than `Configuration.callRetention`, in small
  /// transactions with pauses between them, now and every `Limits.callSweepInterval`, until the
  /// calling task is cancelled. Returns at once where calls are kept for ever. Called once, by the
  /// wiring, in a task of its own.
  package func forgetOldCalls() async {
    guard let retention = configuration.callRetention else { return }
    repeat {
      await sweep(olderThan: retention)
    } while (try? await ports.time.sleep(for: Limits.callSweepInterval)) != nil
  }

  /// A store that is away is asked again at the next sweep.
  private func sweep(olderThan retention: Duration) async {
    let limit = now.advanced(by: .zero - retention)
    for region in configuration.regions.sorted() {
      let end = CallID(region: region, at: limit, random: NoBits())
      while !Task.isCancelled {
        let count = try? await ports.store.forgetCalls(before: end, limit: Limits.callSweepMax)
        guard count == Limits.callSweepMax,
          (try? await ports.time.sleep(for: Limits.callSweepPause)) != nil
        else { break }
      }
    }
  }
}

/// For the smallest id of a time.
private struct NoBits: IDSource {
  func randomBits() -> UInt64 { 0 }
}
