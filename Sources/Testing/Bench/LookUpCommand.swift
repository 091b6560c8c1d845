internal import EventLoops
internal import Registry
internal import StorePostgres
internal import StoreSQL
internal import StoreSQLite
internal import Telephony

/// `Bench look-up`: numbers by their E.164 through the store's port, which no method of the
/// contract asks alone.
///
/// Callers on two loops ask one after the other, in an order of chance. It prints one line of JSON.
struct LookUpCommand {
  static let usage = """
    Bench look-up (--file REGISTRY.DB | --database URL) --numbers FILE [--callers N] [--seconds N]
    FILE holds one E.164 a line.
    """

  private static let fileSizeMax = 64 << 20
  private var path: String?
  private var target: PostgresTarget?
  private var numbers: [E164] = []
  private var callerCount = 8
  private var seconds = 3

  /// `nil` if the arguments are malformed.
  init?(_ arguments: ArraySlice<String>) {
    var arguments = arguments
    while let flag = arguments.popFirst() {
      guard let value = arguments.popFirst(), read(flag, value) else { return nil }
    }
    guard (path == nil) != (target == nil), !numbers.isEmpty, callerCount > 0, seconds > 0
    else { return nil }
  }

  private mutating func read(_ flag: String, _ value: String) -> Bool {
    switch flag {
    case "--file": path = value
    case "--database":
      target = try? PostgresTarget(value)
      return target != nil
    case "--numbers":
      let bytes = SmallFile.read(path: value, byteCountMax: Self.fileSizeMax) ?? []
      numbers = bytes.split(separator: UInt8(ascii: "\n")).compactMap {
        try? E164(String(decoding: $0, as: UTF8.self))
      }
    case "--callers": callerCount = Int(value) ?? 0
    case "--seconds": seconds = Int(value) ?? 0
    default: return false
    }
    return true
  }

  func run() async {
    let group = EventLoopGroup(name: "look-up", count: 2)
    let executor = SQLiteExecutor()
    if let path {
      do throws(SQLiteMigrations.Failure) {
        let store = try await SQLiteStores.registry(path: path, executor: executor)
        await measure(store, group)
      } catch {
        StandardError.write(line: "\(error)")
      }
    } else if let target {
      let engine = PostgresEngine(target: target, loop: group.loops[0])
      await measure(SQLRegistryStore(engine: engine), group)
      await engine.close()
    }
    executor.stop()
    group.stop()
  }

  private func measure(_ store: SQLRegistryStore, _ group: EventLoopGroup) async {
    let start = ContinuousClock.now
    let found = await withTaskGroup(of: Measured.self) { tasks in
      for index in 0..<callerCount {
        tasks.addTask(executorPreference: group.loops[index % group.loops.count]) {
          await ask(store.tenant(.main))
        }
      }
      return await tasks.reduce(into: Measured()) { $0.add($1) }
    }
    _ = StandardOutput.write(found.json(over: start.duration(to: .now)) + "\n")
  }

  private func ask(_ store: any TenantStore) async -> Measured {
    var found = Measured()
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: .seconds(seconds))
    while true {
      let begun = clock.now
      guard begun < end else { return found }
      do throws(StoreError) {
        let answer = try await store.numbers(of: numbers[Int.random(in: numbers.indices)])
        found.answered(answer.count, in: begun.duration(to: clock.now))
      } catch {
        found.failures["\(error)", default: 0] += 1
      }
    }
  }
}
