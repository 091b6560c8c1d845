internal import Access
internal import Synchronization
package import Telephony

/// Compares every provider's numbers with the carrier again and again, slowly, and marks those that
/// somebody changed there.
///
/// Where several registries share a store each of them sweeps, at another time: what a sweep stores
/// it stores against the version that it read, and only when it says something new, so that two at
/// once cost requests and nothing else.
package final class DriftSweep: Sendable {
  /// What all sweeps of this process came to.
  package struct Counts: Sendable, Hashable {
    /// Sweeps of one provider that came to their end.
    package var doneCount: UInt64 = 0
    /// Those that did not, by why: `carrier`, `store` or `sealing`.
    package var failureCounts: [String: UInt64] = [:]
    package var comparedCount: UInt64 = 0
    package var markedCount: UInt64 = 0
    package var healedCount: UInt64 = 0
    /// What was found, by reason; drift that stays counts with each sweep.
    package var findingCounts: [String: UInt64] = [:]

    package init() {}
  }

  /// Told of what is not the carrier's doing: whose numbers could not be compared, nil for all, and
  /// why.
  package typealias Failed = @Sendable (ProviderID?, RegistryError) -> Void

  private let context: RegistryContext
  private let interval: Duration
  private let counted = Mutex(Counts())

  /// - Parameter interval: between the end of one look at all providers and the next, more than
  ///   zero. Each wait is up to a tenth longer or shorter, and the first is any part of one.
  package init(_ context: RegistryContext, interval: Duration) {
    precondition(interval > .zero, "a sweep without an interval")
    self.context = context
    self.interval = interval
  }

  package var counts: Counts { counted.withLock { $0 } }

  /// Sweeps until its task is cancelled.
  package func run(_ failed: @escaping Failed) async {
    var wait = Self.part(of: interval, random: context.ids.randomBits())
    while (try? await context.time.sleep(for: wait)) != nil {
      await sweep(failed)
      wait = Self.about(interval, random: context.ids.randomBits())
    }
  }

  /// One look at all providers, `RegistryLimits.sweepConcurrencyMax` at once.
  package func sweep(_ failed: @escaping Failed) async {
    var last: ProviderID?
    while !Task.isCancelled {
      let page: [Provider]
      do throws(StoreError) {
        page = try await context.deployment.providers(
          after: last, limit: RegistryLimits.sweepPageSize)
      } catch {
        return failed(nil, RegistryError(error))
      }
      guard let end = page.last else { return }
      last = end.id
      await withTaskGroup(of: Void.self) { group in
        // What has no account at a carrier has nothing to compare.
        for (index, provider) in page.filter({ $0.twilio != nil }).enumerated() {
          if index >= RegistryLimits.sweepConcurrencyMax { await group.next() }
          group.addTask { await self.sweep(provider, failed) }
        }
      }
    }
  }

  private func sweep(_ provider: Provider, _ failed: Failed) async {
    let check = DriftCheck(
      ports: context.drift, provider: provider, caller: .system(for: provider.tenant),
      pace: .sweep, applies: true)
    let health = ProviderHealth(ports: check.ports, caller: check.caller)
    do throws(DriftCheck.Stop) {
      let report = try await check.run()
      count(report)
      try await health.note(nil, of: provider)
    } catch {
      switch error {
      case .cancelled: return
      case .carrier(let refusal):
        countFailure("carrier")
        do throws(DriftCheck.Stop) {
          try await health.note(refusal, of: provider)
        } catch .store(let error) {
          failed(provider.id, RegistryError(error))
        } catch {
          return
        }
      case .store(let error):
        countFailure("store")
        failed(provider.id, RegistryError(error))
      case .sealing(let error):
        countFailure("sealing")
        failed(provider.id, RegistryError(error))
      }
    }
  }

  private func count(_ report: DriftReport) {
    counted.withLock { counts in
      counts.doneCount += 1
      counts.comparedCount += UInt64(report.comparedCount)
      counts.markedCount += UInt64(report.markedCount)
      counts.healedCount += UInt64(report.healedCount)
      for (reason, count) in report.findingCounts {
        counts.findingCounts[reason, default: 0] += UInt64(count)
      }
    }
  }

  private func countFailure(_ why: String) {
    counted.withLock { $0.failureCounts[why, default: 0] += 1 }
  }

  // MARK: When

  /// Any part of `interval`.
  static func part(of interval: Duration, random: UInt64) -> Duration {
    interval * Int(random % 1024) / 1024
  }

  /// `interval`, a tenth longer or shorter at most.
  static func about(_ interval: Duration, random: UInt64) -> Duration {
    interval - interval / 10 + part(of: interval / 5, random: random)
  }
}
