internal import CallDispatch
internal import CommandLine
internal import EventLoops
internal import Keyring
internal import Registry
internal import StoreSQL
internal import StoreSQLite
internal import Telephony

/// What the commands of `keys` do.
struct KeyTask {
  private let place: StorePlace
  private let keyring: KeyringPlace

  init(_ place: StorePlace, _ keyring: KeyringPlace) {
    self.place = place
    self.keyring = keyring
  }

  /// A server has read a changed file after this, and seals with its current key.
  private static let noticeTime = FileWatch.interval * 2 + .seconds(1)

  private func load() throws(StoreTaskError) -> KeyringFile {
    do throws(KeyringFile.Failure) {
      return try keyring.load()
    } catch {
      throw .files(.keyring(keyring, error))
    }
  }

  // MARK: ls

  func list(_ out: (String) -> Void) async throws(StoreTaskError) {
    let file = try load()
    let counts = try await place.withRegistry { (store, _) throws(StoreTaskError) in
      try await Self.mapped { () throws(StoreError) in try await store.sealCounts() }
    }
    var rows: [String: Int] = [:]
    var olderCount = 0
    for count in counts {
      for key in Set(count.seals.map(\.keyName)) { rows[key, default: 0] += count.rowCount }
      if count.seals.contains(where: { !$0.isEnvelope }) { olderCount += count.rowCount }
    }
    var table = Table(["NAME", "PURPOSE", "STATE", "ROWS"])
    for key in file.names {
      let count = rows.removeValue(forKey: key.name) ?? 0
      let isSeal = key.purpose == .seal
      table.append([
        key.name, key.purpose.rawValue, Self.state(key, count), isSeal ? "\(count)" : "",
      ])
    }
    for (name, count) in rows.sorted(by: { $0.key < $1.key }) {
      table.append([name, "seal", "missing", "\(count)"])
    }
    out(String(table.text.dropLast()))
    if olderCount > 0 {
      out(
        "\(olderCount) of the rows were sealed by an earlier version, without a data key: "
          + "`trunklined keys rotate` converts them.")
    }
  }

  private static func state(
    _ key: (purpose: KeyringFile.Purpose, name: String, isCurrent: Bool), _ count: Int
  ) -> String {
    if key.isCurrent { return "current" }
    switch key.purpose {
    case .seal: return count == 0 ? "may be removed" : "in use"
    case .fingerprint, .webhook: return "earlier"
    }
  }

  // MARK: add

  static func add(
    _ name: String?, to place: KeyringPlace, _ out: (String) -> Void
  ) throws(StoreTaskError) {
    guard case .path(let path) = place else { throw .keyringInVariable }
    let file = place.file ?? path
    do throws(KeyringFile.Failure) {
      let (next, name) = try place.load().adding(sealKey: name)
      try next.save(to: file)
      out("\(name) was added to \(file). Keep a copy of it, then: trunklined keys rotate \(name)")
    } catch {
      throw .files(.keyring(place, error))
    }
  }

  // MARK: rotate

  func rotate(to key: String?, _ out: (String) -> Void) async throws(StoreTaskError) {
    var file = try load()
    let isChanged = try key.map { (key) throws(StoreTaskError) in try use(key, &file) } ?? false
    let sealer = KeyringSealer(file)
    let outcome = try await place.withRegistry { (store, time) throws(StoreTaskError) in
      // Servers must know the key before the first row needs it, and no longer seal under another.
      if isChanged { try? await time.sleep(for: Self.noticeTime) }
      let rotation = KeyRotation(
        store: store, sealer: sealer, time: time, ids: SystemIDSource())
      return try await Self.mapped { () throws(StoreError) in try await rotation.run() }
    }
    out("\(outcome.resealedCount) rows were sealed anew under \(sealer.currentKeyName)")
    let calls = try await place.forgetPasswordsOfCalls()
    if calls > 0 { out("\(calls) calls of an earlier version keep no sealed password any more") }
    guard outcome.failureCount == 0 else {
      throw .rowsLeft(
        count: outcome.failureCount,
        outcome.failures.map { "\($0.resource) (\($0.reason.text))" })
    }
  }

  /// Makes `key` the current one in the file; false when it is already.
  private func use(_ key: String, _ file: inout KeyringFile) throws(StoreTaskError) -> Bool {
    if file.names.contains(where: { $0.name == key && $0.purpose == .seal && $0.isCurrent }) {
      return false
    }
    guard case .path(let path) = keyring else { throw .keyringInVariable }
    do throws(KeyringFile.Failure) {
      file = try file.sealing(with: key)
      try file.save(to: keyring.file ?? path)
    } catch {
      throw .files(.keyring(keyring, error))
    }
    return true
  }

  private static func mapped<Result>(
    _ body: () async throws(StoreError) -> Result
  ) async throws(StoreTaskError) -> Result {
    do throws(StoreError) { return try await body() } catch { throw .store(error) }
  }
}

extension SealingError {
  /// For people.
  fileprivate var text: String {
    switch self {
    case .unknownKey(let name): "the keyring has no key '\(name)'"
    case .notAuthentic: "it was changed, or sealed with another key of that name"
    case .failed: "the library failed"
    }
  }
}

extension StorePlace {
  /// Lends the registry's store, whose tables are of this version. Servers may use it meanwhile.
  func withRegistry<Result: Sendable>(
    _ body: (SQLRegistryStore, SystemTime) async throws(StoreTaskError) -> Result
  ) async throws(StoreTaskError) -> Result {
    switch self {
    case .files(let folder):
      return try await Self.withFile(folder, body)
    case .server(let target):
      return try await Self.withEngine(target) { (engine, loop) throws(StoreTaskError) in
        try await Self.checkPresent(engine, [.registry])
        return try await body(SQLRegistryStore(engine: engine), SystemTime(loop: loop))
      }
    }
  }

  /// Takes out the passwords that an earlier version kept in calls, where there are calls.
  func forgetPasswordsOfCalls() async throws(StoreTaskError) -> Int {
    switch self {
    case .files(let folder):
      guard Self.names(in: folder).contains(Stores.callsFile) else { return 0 }
      let path = "\(folder)/\(Stores.callsFile)"
      let executor = SQLiteExecutor()
      defer { executor.stop() }
      let store: SQLCallStore
      do throws(SQLiteMigrations.Failure) {
        store = try await SQLiteStores.calls(path: path, executor: executor)
      } catch {
        throw .files(.store(path: path, error))
      }
      return try await Self.forgetPasswords(store)
    case .server(let target):
      return try await Self.withEngine(target) { (engine, _) throws(StoreTaskError) in
        do throws(SQLMigrations.Failure) {
          guard try await SQLMigrations.calls.missing(on: engine).isEmpty else { return 0 }
        } catch {
          throw .server(error)
        }
        return try await Self.forgetPasswords(SQLCallStore(engine: engine))
      }
    }
  }

  private static func forgetPasswords(_ store: SQLCallStore) async throws(StoreTaskError) -> Int {
    do throws(CallStoreError) {
      return try await store.forgetPasswords()
    } catch {
      throw .store(.unavailable(cause: "the calls can't be read or written"))
    }
  }
}
