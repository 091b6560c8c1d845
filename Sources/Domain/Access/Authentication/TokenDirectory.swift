internal import Synchronization
package import Telephony

/// The tokens that a process authenticates with, in memory: filled from the store or the route
/// feed.
///
/// Bounded: with more tokens than that, one that was put in long ago goes, and is looked up again
/// when it is used, by whoever can ask the registry. Callable from any executor; never waits.
package final class TokenDirectory: Sendable {
  private struct State {
    var grants: [TokenGrant] = []
    var places: [APITokenID: Int] = [:]
    /// Which one goes next when there is no room.
    var oldest = 0
    /// One more with each removal: what was read before it may be out of date.
    var removals: UInt64 = 0
    /// When each token's use was last told.
    var uses: [APITokenID: Timestamp] = [:]
  }

  private let capacity: Int
  private let state = Mutex(State())

  /// - Precondition: `capacity` is at least 1.
  package init(capacity: Int = AccessLimits.directoryTokensMax) {
    precondition(capacity > 0, "A directory of \(capacity) tokens holds none.")
    self.capacity = capacity
  }

  package var count: Int { state.withLock { $0.grants.count } }

  /// The token's grant, expired or not; nil when it is not here.
  package func grant(_ id: APITokenID) -> TokenGrant? {
    state.withLock { state in state.places[id].map { state.grants[$0] } }
  }

  /// Puts in what the feed tells, or what was made here.
  package func put(_ grant: TokenGrant) {
    state.withLock { insert(grant, &$0) }
  }

  /// Takes a revoked token out. From now on it authenticates nobody here.
  package func remove(_ id: APITokenID) {
    state.withLock { state in
      state.removals += 1
      state.uses[id] = nil
      guard let place = state.places.removeValue(forKey: id) else { return }
      let last = state.grants.removeLast()
      guard place < state.grants.count else { return }
      state.grants[place] = last
      state.places[last.id] = place
    }
  }

  /// Keeps these and no others: a snapshot has come.
  package func replaceAll(_ grants: some Sequence<TokenGrant>) {
    state.withLock { state in
      state.removals += 1
      (state.grants, state.places, state.oldest) = ([], [:], 0)
      for grant in grants { insert(grant, &state) }
    }
  }

  /// Marks the time before a look-up in the store; give it to ``put(_:lookedUpAt:)``.
  package var mark: UInt64 { state.withLock { $0.removals } }

  /// Puts in what a look-up found, unless a token was removed since: it may have been this one.
  package func put(_ grant: TokenGrant, lookedUpAt mark: UInt64) {
    state.withLock { state in
      if state.removals == mark { insert(grant, &state) }
    }
  }

  /// Whether a use at `now` is to be told to the store: true at most once in
  /// `AccessLimits.lastUseInterval` for each token.
  package func notesUse(of id: APITokenID, at now: Timestamp) -> Bool {
    state.withLock { state in
      if let last = state.uses[id], now.duration(since: last) < AccessLimits.lastUseInterval,
        last <= now
      {
        return false
      }
      if state.uses.count >= capacity { state.uses.removeAll() }
      state.uses[id] = now
      return true
    }
  }

  private func insert(_ grant: TokenGrant, _ state: inout State) {
    if let place = state.places[grant.id] {
      state.grants[place] = grant
    } else if state.grants.count < capacity {
      state.places[grant.id] = state.grants.count
      state.grants.append(grant)
    } else {
      let place = state.oldest % capacity
      state.oldest = place + 1
      state.places[state.grants[place].id] = nil
      state.grants[place] = grant
      state.places[grant.id] = place
    }
  }
}
