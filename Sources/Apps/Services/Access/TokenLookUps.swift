internal import Access
internal import Synchronization
internal import Telephony

/// The look-ups of tokens that are not in memory: one at a time for each token, with all who ask
/// for it waiting for the one answer, and a bounded number at once in all.
///
/// Callable from any executor.
final class TokenLookUps: Sendable {
  enum Found: Sendable {
    case success(TokenGrant?)
    case failure
  }

  /// Who asks. Those whose address showed many tokens that nobody has get a few places of their
  /// own, so that they can't take the others'.
  enum Lane: Sendable, CaseIterable {
    case usual
    case suspect

    var countMax: Int {
      switch self {
      case .usual: AccessLimits.lookUpsMax
      case .suspect: AccessLimits.suspectLookUpsMax
      }
    }

    var waitingMax: Int {
      switch self {
      case .usual: AccessLimits.lookUpsWaitingMax
      case .suspect: AccessLimits.suspectLookUpsWaitingMax
      }
    }
  }

  /// A look-up that began before a removal is joined by nobody who asks after it: its answer may be
  /// the token that was removed.
  private struct Key: Hashable {
    let id: APITokenID
    let mark: UInt64
  }

  /// nil: whoever asked went away, and another is to ask.
  private typealias Follower = CheckedContinuation<Found?, Never>

  private struct Places {
    var count = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private struct State {
    var followers: [Key: [Follower]] = [:]
    var followerCount = 0
    var places: [Lane: Places] = [:]
  }

  private let directory: TokenDirectory
  private let state = Mutex(State())

  init(_ directory: TokenDirectory) { self.directory = directory }

  /// How many wait, for a place or for another's answer.
  var waitingCount: Int {
    state.withLock { state in
      state.followerCount + state.places.values.reduce(0) { $0 + $1.waiting.count }
    }
  }

  /// Asks for a token, or waits for the answer to who asked before; puts what is found into the
  /// directory. Fails when the store can't be asked, or too many wait.
  func find(
    _ id: APITokenID, in lane: Lane, by lookUp: CallAuthenticator.LookUp
  ) async -> Found {
    while true {
      let key = Key(id: id, mark: directory.mark)
      if let grant = directory.grant(id) { return .success(grant) }
      let isFirst = state.withLock { state in
        guard state.followers[key] == nil else { return false }
        state.followers[key] = []
        return true
      }
      if isFirst { return await lead(key, lane, lookUp) }
      if let found = await follow(key) { return found }
      if Task.isCancelled { return .failure }
    }
  }

  private func lead(_ key: Key, _ lane: Lane, _ lookUp: CallAuthenticator.LookUp) async -> Found {
    var found = Found.failure
    if await enter(lane) {
      do {
        let grant = try await lookUp(key.id)
        if let grant { directory.put(grant, lookedUpAt: key.mark) }
        found = .success(grant)
      } catch {}
      leave(lane)
    }
    let isOver = if case .failure = found { Task.isCancelled } else { false }
    let followers = state.withLock { state in
      let followers = state.followers.removeValue(forKey: key) ?? []
      state.followerCount -= followers.count
      return followers
    }
    for follower in followers { follower.resume(returning: isOver ? nil : found) }
    return found
  }

  private func follow(_ key: Key) async -> Found? {
    await withCheckedContinuation { (follower: Follower) in
      let answer: Found?? = state.withLock { state in
        // Whoever asked has the answer by now, and so has the directory.
        guard state.followers[key] != nil else { return .some(nil) }
        guard state.followerCount < AccessLimits.lookUpsWaitingMax else { return .failure }
        state.followers[key]?.append(follower)
        state.followerCount += 1
        return .none
      }
      if let answer { follower.resume(returning: answer) }
    }
  }

  /// Waits for a place; false when too many do. A place that was got is left again.
  private func enter(_ lane: Lane) async -> Bool {
    let isFree: Bool? = state.withLock { state in
      if state.places[lane, default: Places()].count < lane.countMax {
        state.places[lane, default: Places()].count += 1
        return true
      }
      return state.places[lane, default: Places()].waiting.count < lane.waitingMax ? nil : false
    }
    if let isFree { return isFree }
    await withCheckedContinuation { continuation in
      let hasPlace = state.withLock { state in
        guard state.places[lane, default: Places()].count >= lane.countMax else {
          state.places[lane, default: Places()].count += 1
          return true
        }
        state.places[lane, default: Places()].waiting.append(continuation)
        return false
      }
      if hasPlace { continuation.resume() }
    }
    return true
  }

  /// Hands the place to the one who waits longest.
  private func leave(_ lane: Lane) {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      guard state.places[lane]?.waiting.isEmpty == false else {
        state.places[lane]?.count -= 1
        return nil
      }
      return state.places[lane]?.waiting.removeFirst()
    }
    next?.resume()
  }
}
