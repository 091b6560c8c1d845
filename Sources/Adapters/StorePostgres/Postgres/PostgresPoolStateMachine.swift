/// Which connections there are, who gets one, and when another is made. No I/O and no clock: each
/// event is told when it is, by any clock that does not go back.
///
/// ```
/// connecting ──established──▶ ready ──close──▶ (gone)
///     └───────connectFailed / broke────────────▶ (gone), then a wait, then another
/// ```
///
/// Lone reads share the readers; a transaction has a writer to itself. After a failure one
/// connection is tried at a time, with a growing wait between, until one is made.
struct PostgresPoolStateMachine<Request: Equatable> {
  enum Role: Hashable {
    case reader
    case writer
    case listener
  }

  /// Why a request that waited is told no.
  enum Refusal: Equatable {
    case waitedTooLong
    case queueFull
    case closing
  }

  enum Action: Equatable {
    case connect(Int, Role)
    case close(Int)
    /// One group of reads for one connection.
    case read([Request], on: Int)
    /// The connection is the transaction's until it is released.
    case lease(Request, on: Int)
    case refuse(Request, Refusal)
    /// Tell ``reconnectDue()`` after this wait; it replaces an earlier one.
    case waitToReconnect(Duration)
    /// The pool was shut down and its last connection is gone.
    case finished
  }

  private struct Connection {
    let role: Role
    var isReady = false
    /// Takes no more work and is closed when what is under way has ended.
    var isLeaving = false
    /// Reads under way; 1 while a transaction has it.
    var load = 0
    /// When it was made, and then when it was last used.
    var establishedAt: Duration = .zero
    var idleSince: Duration = .zero
    var lifetime: Duration = .zero

    /// Whether it may be handed to somebody.
    var isFree: Bool { isReady && !isLeaving && load == 0 }
  }

  private struct Waiter {
    let request: Request
    let since: Duration
  }

  private let limits: PostgresPoolLimits
  private let hasListener: Bool
  /// From 0 to 1; spreads the waits and ages.
  private let random: () -> Double
  private var connections: [Int: Connection] = [:]
  private var lastID = 0
  private var reads = Waiting<Waiter>()
  private var transactions = Waiting<Waiter>()
  /// Tries to connect that failed one after the other.
  private(set) var failureCount = 0
  private var isWaitingToReconnect = false
  private var isClosing = false

  init(limits: PostgresPoolLimits, hasListener: Bool, random: @escaping () -> Double) {
    self.limits = limits
    self.hasListener = hasListener
    self.random = random
  }

  // MARK: Requests

  /// A read wants a connection; it gets one in ``assigned(now:)``. Answers the refusal of one that
  /// may not wait.
  mutating func readRequested(_ request: Request, now: Duration) -> Refusal? {
    if isClosing { return .closing }
    if reads.count >= limits.readsWaitingMax { return .queueFull }
    reads.append(Waiter(request: request, since: now))
    return nil
  }

  /// A transaction wants a connection, under the same rules.
  mutating func transactionRequested(_ request: Request, now: Duration) -> Refusal? {
    if isClosing { return .closing }
    if transactions.count >= limits.transactionsWaitingMax { return .queueFull }
    transactions.append(Waiter(request: request, since: now))
    return nil
  }

  /// A request gives up; false when it does not wait any more.
  mutating func withdrawn(_ request: Request) -> Bool {
    if reads.remove(where: { $0.request == request }) != nil { return true }
    return transactions.remove(where: { $0.request == request }) != nil
  }

  /// Hands out what there is: call it once after a batch of other events.
  mutating func assigned(now: Duration) -> [Action] {
    var actions: [Action] = []
    assignReads(&actions)
    while !transactions.isEmpty, let id = freeWriter(), let waiter = transactions.removeFirst() {
      connections[id]?.load = 1
      actions.append(.lease(waiter.request, on: id))
    }
    open(&actions)
    return actions
  }

  private mutating func assignReads(_ actions: inout [Action]) {
    guard !reads.isEmpty else { return }
    var groups: [(id: Int, load: Int, requests: [Request])] = connections.compactMap { entry in
      guard entry.value.role == .reader, entry.value.isReady, !entry.value.isLeaving else {
        return nil
      }
      return (entry.key, entry.value.load, [])
    }
    groups.sort { ($0.load, $0.id) < ($1.load, $1.id) }
    guard !groups.isEmpty else { return }
    while !reads.isEmpty {
      var least = 0
      for index in groups.indices.dropFirst() where groups[index].load < groups[least].load {
        least = index
      }
      let room = limits.readsPerConnectionMax - groups[least].load
      guard room > 0 else { break }
      for _ in 0..<min(room, limits.readsTogetherMax) {
        guard let waiter = reads.removeFirst() else { break }
        groups[least].load += 1
        groups[least].requests.append(waiter.request)
      }
    }
    for group in groups where !group.requests.isEmpty {
      connections[group.id]?.load = group.load
      actions.append(.read(group.requests, on: group.id))
    }
  }

  private func freeWriter() -> Int? {
    // The one that was used last, so that the others may grow idle and go.
    connections.filter { $0.value.role == .writer && $0.value.isFree }
      .max { ($0.value.idleSince, -$0.key) < ($1.value.idleSince, -$1.key) }?.key
  }

  // MARK: Work that ended

  /// So many reads of a connection have their answers.
  mutating func answered(_ id: Int, count: Int, now: Duration) -> [Action] {
    guard let connection = connections[id] else { return [] }
    precondition(connection.load >= count, "connection \(id) answered more than it was asked")
    connections[id]?.load -= count
    return becameIdle(id, now: now)
  }

  /// A transaction gives its connection back, which can be used again only when it `isClean`.
  mutating func released(_ id: Int, isClean: Bool, now: Duration) -> [Action] {
    guard let connection = connections[id] else { return [] }
    precondition(connection.load == 1, "connection \(id) was released without a transaction")
    connections[id]?.load = 0
    if !isClean { connections[id]?.isLeaving = true }
    return becameIdle(id, now: now)
  }

  private mutating func becameIdle(_ id: Int, now: Duration) -> [Action] {
    guard let connection = connections[id], connection.load == 0 else { return [] }
    connections[id]?.idleSince = now
    guard connection.isLeaving else { return [] }
    var actions: [Action] = []
    close(id, &actions)
    open(&actions)
    return actions + finishedIfEmpty()
  }

  // MARK: Connections

  /// Opens what is kept open. Call it once.
  mutating func started() -> [Action] {
    var actions: [Action] = []
    open(&actions)
    return actions
  }

  mutating func established(_ id: Int, now: Duration) -> [Action] {
    guard connections[id] != nil else { return [] }
    failureCount = 0
    connections[id]?.isReady = true
    connections[id]?.establishedAt = now
    connections[id]?.idleSince = now
    connections[id]?.lifetime = limits.connectionLifetime * (1 - random() / 10)
    return assigned(now: now)
  }

  /// A connection could not be made.
  mutating func connectFailed(_ id: Int) -> [Action] {
    guard connections.removeValue(forKey: id) != nil else { return [] }
    return failed()
  }

  /// A connection that was made is over. Its requests have been told.
  mutating func broke(_ id: Int, now: Duration) -> [Action] {
    guard let connection = connections.removeValue(forKey: id) else { return [] }
    guard !isClosing else { return finishedIfEmpty() }
    // One that breaks at once would otherwise be made and broken in a circle without a wait.
    if now - connection.establishedAt < limits.settledAge { return failed() }
    var actions: [Action] = []
    open(&actions)
    return actions
  }

  /// The server behind a connection takes no writes: nothing new goes to the connections that were
  /// made before, and the primary is looked for.
  mutating func serverIsReadOnly() -> [Action] {
    var actions: [Action] = []
    for id in connections.keys.sorted() where connections[id]?.isReady == true {
      connections[id]?.isLeaving = true
      if connections[id]?.load == 0 { close(id, &actions) }
    }
    open(&actions)
    return actions
  }

  mutating func reconnectDue() -> [Action] {
    isWaitingToReconnect = false
    var actions: [Action] = []
    open(&actions)
    return actions
  }

  private mutating func failed() -> [Action] {
    guard !isClosing else { return finishedIfEmpty() }
    guard !isWaitingToReconnect else { return [] }
    failureCount += 1
    isWaitingToReconnect = true
    let doublings = min(failureCount - 1, 16)
    let wait = min(limits.reconnectWaitMin * (1 << doublings), limits.reconnectWaitMax)
    return [.waitToReconnect(wait * (0.5 + random() / 2))]
  }

  /// Opens connections that are missing: the least number of each kind, and more for who waits.
  private mutating func open(_ actions: inout [Action]) {
    guard !isClosing else { return }
    if failureCount > 0 {
      // One try at a time shows whether the server is back.
      guard !isWaitingToReconnect, connections.values.allSatisfy(\.isReady) else { return }
      let role = [Role.reader, .writer, .listener].first { missing($0) > 0 }
      if let role { connect(role, &actions) }
      return
    }
    for role in [Role.reader, .writer, .listener] {
      for _ in 0..<missing(role) { connect(role, &actions) }
    }
  }

  private mutating func connect(_ role: Role, _ actions: inout [Action]) {
    lastID += 1
    connections[lastID] = Connection(role: role)
    actions.append(.connect(lastID, role))
  }

  /// How many connections of a kind are to be made now.
  private func missing(_ role: Role) -> Int {
    let own = connections.values.filter { $0.role == role && !$0.isLeaving }
    switch role {
    case .listener: return hasListener ? max(1 - own.count, 0) : 0
    case .writer:
      let coming = own.count { !$0.isReady }
      let wanted = max(transactions.count - coming, limits.writersMin - own.count, 0)
      return min(wanted, limits.writersMax - own.count)
    case .reader:
      if own.count < limits.readersMin { return limits.readersMin - own.count }
      let isLoaded = own.allSatisfy { $0.isReady && $0.load >= limits.readsBeforeGrowthMax }
      return isLoaded && own.count < limits.readersMax ? 1 : 0
    }
  }

  private mutating func close(_ id: Int, _ actions: inout [Action]) {
    connections[id] = nil
    actions.append(.close(id))
  }

  // MARK: Time and the end

  /// Looks after ages and waits; to be called every second or so.
  mutating func maintained(now: Duration) -> [Action] {
    var actions: [Action] = []
    while let first = reads.first, now - first.since >= limits.waitTimeout {
      reads.removeFirst()
      actions.append(.refuse(first.request, .waitedTooLong))
    }
    while let first = transactions.first, now - first.since >= limits.waitTimeout {
      transactions.removeFirst()
      actions.append(.refuse(first.request, .waitedTooLong))
    }
    retireOne(now: now, &actions)
    trim(.reader, min: limits.readersMin, now: now, &actions)
    trim(.writer, min: limits.writersMin, now: now, &actions)
    open(&actions)
    return actions
  }

  /// Replaces one connection that is too old; the next comes with the next call.
  private mutating func retireOne(now: Duration, _ actions: inout [Action]) {
    let old = connections.keys.sorted().first { id in
      guard let connection = connections[id], connection.isReady, !connection.isLeaving else {
        return false
      }
      return now - connection.establishedAt >= connection.lifetime
    }
    guard let old else { return }
    connections[old]?.isLeaving = true
    if connections[old]?.load == 0 { close(old, &actions) }
  }

  private mutating func trim(_ role: Role, min: Int, now: Duration, _ actions: inout [Action]) {
    let own = connections.filter { $0.value.role == role && !$0.value.isLeaving }
    let idle = own.filter { $0.value.isFree && now - $0.value.idleSince >= limits.idleTimeout }
    for id in idle.keys.sorted().suffix(Swift.max(own.count - min, 0)) { close(id, &actions) }
  }

  /// Takes no more requests, tells those that wait, and closes each connection when its work ends.
  mutating func shutDown() -> [Action] {
    guard !isClosing else { return [] }
    isClosing = true
    var actions = reads.removeAll().map { Action.refuse($0.request, .closing) }
    actions += transactions.removeAll().map { .refuse($0.request, .closing) }
    for id in connections.keys.sorted() {
      connections[id]?.isLeaving = true
      if connections[id]?.load == 0 { close(id, &actions) }
    }
    return actions + finishedIfEmpty()
  }

  private func finishedIfEmpty() -> [Action] {
    isClosing && connections.isEmpty ? [.finished] : []
  }
}
