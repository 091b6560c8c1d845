internal import Registry
internal import Telephony

extension RegistryStoreConformance {
  /// Writers at once in these checks, and what each writes.
  private static let writerCount = 8
  private static let writesEach = 12

  static let parallelChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("parallel writers' changes are in the feed once each, in order") { store in
      // A reader who follows while they write must miss none.
      let followed = try await withThrowingTaskGroup(of: [ChangeEvent].self) { group in
        group.addTask { try await follow(store, count: writerCount * writesEach) }
        for writer in 0..<writerCount {
          group.addTask {
            for index in 0..<writesEach {
              let agent = try Sample.agent(writer * writesEach + index)
              try await store.commit(Sample.write([.insertAgent(agent)]))
            }
            return []
          }
        }
        var all: [ChangeEvent] = []
        for try await events in group { all += events }
        return all
      }
      let count = writerCount * writesEach
      try requireEqual(followed.map(\.sequence), (1...UInt64(count)).map { $0 })
      try requireEqual(Set(followed.map(\.resourceID)).count, count)
      let whole = try await store.events(after: 0, limit: count + 1)
      try requireEqual(whole.events, followed)
      let agents = try await store.tenant(Sample.tenant).count(of: .agent)
      try requireEqual(agents, count)
    },
    RegistryStoreCheck("of parallel inserts of one thing one wins, and the others are told") {
      store in
      let answers = await withTaskGroup(of: StoreError?.self) { group in
        for index in 0..<writerCount {
          group.addTask {
            do throws(StoreError) {
              try await store.commit(Sample.write([.insertProvider(Sample.provider(index + 1))]))
              return nil
            } catch {
              return error
            }
          }
        }
        var answers: [StoreError?] = []
        for await answer in group { answers.append(answer) }
        return answers
      }
      let stored = try await store.tenant(Sample.tenant).provider(
        account: Sample.account(1), region: .us1)
      guard let winner = stored?.provider.id else {
        throw ConformanceFailure(description: "nobody won")
      }
      try requireEqual(answers.count { $0 == nil }, 1)
      try requireEqual(
        answers.compactMap(\.self),
        [StoreError](repeating: .providerExists(winner), count: writerCount - 1))
    },
    RegistryStoreCheck("parallel inserts of numbers and the deletion of their provider agree") {
      store in
      let provider = Sample.provider(1)
      try await store.commit(Sample.write([.insertProvider(provider)]))
      let inserted = await withTaskGroup(of: Bool.self) { group in
        for index in 1...writerCount {
          group.addTask {
            guard let number = try? Sample.number(index, provider: provider) else { return false }
            return
              (try? await store.commit(
                Sample.write([.insertNumber(number, providerVersion: 1)]))) != nil
          }
        }
        group.addTask {
          _ = try? await store.commit(Sample.write([.deleteProvider(provider.id, from: 1)]))
          return false
        }
        var count = 0
        for await isInserted in group where isInserted { count += 1 }
        return count
      }
      let tenant = store.tenant(Sample.tenant)
      let left = try await tenant.provider(provider.id)
      let numbers = try await tenant.numbers(PhoneNumberFilter(), after: nil, limit: 99)
      try requireEqual(numbers.count, inserted)
      try require((left != nil) == (inserted > 0) || inserted == 0, "a number has its provider")
      if left != nil { try requireEqual(left?.numbersRevision, UInt64(inserted)) }
    },
    RegistryStoreCheck("parallel writers never go over a quota") { store in
      let quota = Quota(.agent, countMax: 3)
      await withTaskGroup(of: Void.self) { group in
        for index in 0..<writerCount {
          group.addTask {
            guard let agent = try? Sample.agent(index) else { return }
            _ = try? await store.commit(Sample.write([.insertAgent(agent)], quotas: [quota]))
          }
        }
      }
      let count = try await store.tenant(Sample.tenant).count(of: .agent)
      try requireEqual(count, 3)
    },
  ]

  /// The rounds of each of two writers that meet.
  private static let roundCount = 10

  static let deadlockChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("writers who take things in opposite orders are repeated until done") {
      store in
      let agents = [try Sample.agent(1), try Sample.agent(2)]
      try await store.commit(Sample.write(agents.map { .insertAgent($0) }))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for order in [agents.map(\.id), agents.map(\.id).reversed()] {
          group.addTask { for _ in 0..<roundCount { try await changeBoth(order, in: store) } }
        }
        try await group.waitForAll()
      }
      for agent in agents {
        let stored = try await store.tenant(Sample.tenant).agent(agent.id)
        try requireEqual(stored?.revision.version, Version(1 + 2 * roundCount))
      }
    }
  ]

  /// Changes both agents in this order, again while others were faster.
  private static func changeBoth(_ order: [AgentID], in store: any RegistryStore) async throws {
    while true {
      var changes: [RegistryChange] = []
      for id in order {
        guard var agent = try await store.tenant(Sample.tenant).agent(id) else {
          throw ConformanceFailure(description: "an agent is gone")
        }
        let from = agent.revision.version
        agent.revision = agent.revision.sampleNext
        changes.append(.updateAgent(agent, from: from))
      }
      do {
        try await store.commit(Sample.write(changes))
        return
      } catch {
        guard error == .versionMismatch(.agent) else { throw error }
      }
    }
  }

  /// Reads the events as they come, until `count` of them are there.
  private static func follow(_ store: any RegistryStore, count: Int) async throws -> [ChangeEvent] {
    var events: [ChangeEvent] = []
    while events.count < count {
      let page = try await store.events(after: events.last?.sequence ?? 0, limit: 5)
      events += page.events
      if page.events.isEmpty { await Task.yield() }
    }
    return events
  }
}
