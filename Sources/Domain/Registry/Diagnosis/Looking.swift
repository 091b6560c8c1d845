internal import Telephony

/// How a diagnosis looks: one request, several at once, and no longer than it may take.
enum Looking {
  typealias Work = @Sendable () async -> Void

  /// One request, unless the time is over; what that aborted was not tried.
  static func once<Value>(
    _ body: () async throws(CarrierError) -> Value
  ) async -> Looked<Value> {
    guard !Task.isCancelled else { return .notTried }
    do throws(CarrierError) {
      return .found(try await body())
    } catch {
      return Task.isCancelled ? .notTried : .failed(error)
    }
  }

  /// Does them all, so many at once as the carrier is asked.
  static func all(_ works: [Work]) async {
    await withTaskGroup(of: Void.self) { group in
      var left = works.makeIterator()
      for _ in 0..<RegistryLimits.diagnosisConcurrencyMax {
        guard let work = left.next() else { break }
        group.addTask { await work() }
      }
      while await group.next() != nil {
        guard !Task.isCancelled, let work = left.next() else { continue }
        group.addTask { await work() }
      }
    }
  }

  /// Until the work is done or `limit` has passed; then requests in flight are aborted.
  static func within(_ limit: Duration, _ time: any TimeSource, _ work: @escaping Work) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await time.sleep(for: limit) }
      group.addTask { await work() }
      await group.next()
      group.cancelAll()
    }
  }
}
