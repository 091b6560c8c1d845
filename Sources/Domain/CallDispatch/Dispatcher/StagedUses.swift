internal import Synchronization
package import Telephony

/// What live traffic makes of staged credentials, in sum, until the registry is told.
///
/// Nothing is written when a call uses them: who runs ``run(_:_:)`` hands on sums now and then.
/// What a process that dies has not told is lost. Callable from any executor.
package final class StagedUses: Sendable {
  /// What was seen of one provider's credentials since it was last told.
  package struct Sum: Sendable, Hashable {
    package let provider: ProviderID
    package let mark: UInt64
    package fileprivate(set) var use: CredentialUse
  }

  private struct Entry {
    var mark: UInt64
    var use = CredentialUse()
    /// Requests that might have used them.
    var turns = 0
    var pauseEnd: Timestamp?
  }

  private let entries = Mutex<[ProviderID: Entry]>([:])

  package init() {}

  /// Whether this request is one that uses the staged credentials first: of a provider's requests
  /// the first and then each of `Limits.stagedShare`, but for a pause after a refusal.
  func takesTurn(_ provider: ProviderID, _ mark: UInt64, at time: Timestamp) -> Bool {
    change(provider, mark) { entry in
      if let end = entry.pauseEnd, time < end { return false }
      defer { entry.turns = (entry.turns + 1) % Limits.stagedShare }
      return entry.turns == 0
    } ?? false
  }

  /// A webhook came that the staged Auth Token signed.
  package func signed(_ provider: ProviderID, _ mark: UInt64, at time: Timestamp) {
    change(provider, mark) { $0.use.signed(at: time) }
  }

  /// The carrier answered a request that was made with them.
  package func answered(
    _ request: CredentialUse.Request, _ provider: ProviderID, _ mark: UInt64, at time: Timestamp
  ) {
    change(provider, mark) { $0.use.answered(request, at: time) }
  }

  /// A request that was made with them was refused, whosever fault it is: they are left alone for a
  /// while.
  func pause(_ provider: ProviderID, _ mark: UInt64, at time: Timestamp) {
    change(provider, mark) { $0.pauseEnd = time.advanced(by: Limits.stagedPause) }
  }

  /// The carrier refused them, and took the current ones for the same.
  package func refused(
    _ request: CredentialUse.Request, _ provider: ProviderID, _ mark: UInt64, at time: Timestamp
  ) {
    change(provider, mark) { $0.use.refused(request, at: time) }
  }

  /// Nil where there is no room for one more provider.
  @discardableResult
  private func change<Result: Sendable>(
    _ provider: ProviderID, _ mark: UInt64, _ body: (inout Entry) -> Result
  ) -> Result? {
    entries.withLock { entries in
      if entries[provider] == nil, entries.count >= Limits.stagedCountMax {
        // Most of them are staged no more.
        entries = entries.filter { $0.value.use != CredentialUse() }
        guard entries.count < Limits.stagedCountMax else { return nil }
      }
      var entry = entries[provider] ?? Entry(mark: mark)
      // What others did says nothing of these; a webhook that began before counts for nothing.
      if entry.mark < mark { entry = Entry(mark: mark) }
      guard entry.mark == mark else { return nil }
      let result = body(&entry)
      entries[provider] = entry
      return result
    }
  }

  /// What is to be told, each at most once.
  package func take() -> [Sum] {
    entries.withLock { entries in
      var sums: [Sum] = []
      for (provider, entry) in entries where entry.use != CredentialUse() {
        sums.append(Sum(provider: provider, mark: entry.mark, use: entry.use))
        entries[provider]?.use = CredentialUse()
      }
      return sums
    }
  }

  /// Takes back what could not be told, unless others were staged meanwhile.
  package func putBack(_ sum: Sum) {
    change(sum.provider, sum.mark) { $0.use.add(sum.use) }
  }

  /// What became of telling a sum.
  package enum Telling: Sendable, Hashable {
    /// It was told, or can be forgotten.
    case done
    /// Not this one; others may fare better.
    case failed
    /// The registry can't be reached now.
    case isAway
  }

  /// Hands on what there is every `Limits.stagedTellInterval`, until the calling task is cancelled.
  package func run(_ time: any TimeSource, _ tell: (Sum) async -> Telling) async {
    while (try? await time.sleep(for: Limits.stagedTellInterval)) != nil {
      var isAway = false
      for sum in take() {
        if isAway {
          putBack(sum)
          continue
        }
        let telling = await tell(sum)
        isAway = telling == .isAway
        if telling != .done { putBack(sum) }
      }
    }
  }
}
