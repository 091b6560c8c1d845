internal import Registry
internal import Telephony

extension RegistryStoreConformance {
  static let journalChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("a journal entry comes back whole and is replaced at its revision") {
      store in
      let number = try Sample.number(1, provider: Sample.provider(1, region: .ie1))
      var journal = ProvisioningJournal.importing(
        number, ours: VoiceSettings(voiceURL: "https://ours.test/1"), id: Sample.operationID(1),
        time: Sample.start)
      try await store.commit(Sample.write([.insertJournal(journal)]))
      journal.phase = .undoing
      journal.steps[0].former = .voice(Sample.voice)
      journal.steps[0].state = .left
      journal.steps[0].carrierCode = 20003
      journal.steps[1].former = .region(nil)
      journal.steps[1].putBack = .region(.us1)
      journal.steps[1].state = .undoing
      journal.steps.append(
        ProvisioningStep(
          .propagation, .wait, region: .us1, providerID: Sample.provider(2).id,
          duration: .seconds(600)))
      journal.steps[3].until = Sample.time(9)
      journal.failure = ProvisioningFailure(
        cause: .credentialsRefused, carrierCode: 20003, message: "refused")
      journal.revision = 2
      journal.updateTime = Sample.time(2)
      try await store.commit(Sample.write([.updateJournal(journal, from: 1)]))
      let stored = try await store.tenant(Sample.tenant).journal(journal.id)
      try requireEqual(stored, journal)
      try await requireRefused(
        store, Sample.write([.updateJournal(journal, from: 1)]), .versionMismatch(.journal))
    },
    RegistryStoreCheck("open entries are found by number and in order, until they are closed") {
      store in
      let provider = Sample.provider(1)
      var journals: [ProvisioningJournal] = []
      for index in 1...3 {
        let journal = ProvisioningJournal.deleting(
          try Sample.number(index, provider: provider), id: Sample.operationID(index),
          time: Sample.time(index))
        journals.append(journal)
        try await store.commit(Sample.write([.insertJournal(journal)]))
      }
      let first = try await store.openJournals(after: nil, limit: 2)
      try requireEqual(first, Array(journals.prefix(2)))
      let rest = try await store.openJournals(after: first.last?.id, limit: 2)
      try requireEqual(rest, [journals[2]])
      let found = try await store.tenant(Sample.tenant).openJournal(of: .number(Sample.numberID(2)))
      try requireEqual(found, journals[1])
      let twin = ProvisioningJournal.deleting(
        try Sample.number(2, provider: provider), id: Sample.operationID(9), time: Sample.start)
      try await requireRefused(
        store, Sample.write([.insertJournal(twin)]), .versionMismatch(.journal))
      journals[1].phase = .closed
      journals[1].outcome = .done
      journals[1].revision = 2
      try await store.commit(Sample.write([.updateJournal(journals[1], from: 1)]))
      let closed = try await store.tenant(Sample.tenant).openJournal(
        of: .number(Sample.numberID(2)))
      try requireEqual(closed, nil)
      let open = try await store.openJournals(after: nil, limit: 9)
      try requireEqual(open.map(\.id), [1, 3].map(Sample.operationID))
      try await store.commit(Sample.write([.insertJournal(twin)]))
    },
  ]

  static let operationChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("journal entries are listed newest first, by number and by state") { store in
      let provider = Sample.provider(1)
      var journals: [ProvisioningJournal] = []
      for index in 1...5 {
        // Numbers 1, 2, 1, 2, 1; the last is open.
        var journal = ProvisioningJournal.importing(
          try Sample.number(2 - index % 2, provider: provider), ours: VoiceSettings(),
          id: Sample.operationID(index), time: Sample.time(index / 2))
        try await store.commit(Sample.write([.insertJournal(journal)]))
        if index < 5 {
          journal.phase = .closed
          journal.outcome = [.done, .undone, .corrupted, .done][index - 1]
          journal.revision = 2
          try await store.commit(Sample.write([.updateJournal(journal, from: 1)]))
        }
        journals.insert(journal, at: 0)
      }
      let tenant = store.tenant(Sample.tenant)
      try requireEqual(try await tenant.journals(.init(), after: nil, limit: 9), journals)
      let page = try await tenant.journals(.init(), after: nil, limit: 2)
      try requireEqual(page, Array(journals.prefix(2)))
      let cursor = PageCursor(
        createTime: page[1].createTime, id: page[1].id.description)
      try requireEqual(
        try await tenant.journals(.init(), after: cursor, limit: 9), Array(journals.dropFirst(2)))
      let subjects: [OperationSubject?] = [
        nil, .number(Sample.numberID(1)), .number(Sample.numberID(2)),
        .provider(Sample.provider(1).id),
      ]
      for state in OperationState.allCases {
        for subject in subjects {
          try requireEqual(
            try await tenant.journals(
              OperationFilter(subject: subject, state: state), after: nil, limit: 9),
            journals.filter {
              $0.state == state && (subject == nil || $0.subject == subject)
            })
        }
      }
      let other = try await store.tenant(Sample.otherTenant).journals(.init(), after: nil, limit: 9)
      try requireEqual(other, [])
    }
  ]

  static let leaseChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("of those that take an entry at one revision one gets it") { store in
      let journal = try leased(by: 1)
      try await store.commit(Sample.write([.insertJournal(journal)]))
      let wins = await withTaskGroup(of: Int?.self) { group in
        for process in 2...7 {
          group.addTask {
            let taken = taking(journal, process)
            let write = Sample.write([.updateJournal(taken, from: journal.revision)])
            return (try? await store.commit(write)) == nil ? nil : process
          }
        }
        var wins: [Int] = []
        for await won in group { if let won { wins.append(won) } }
        return wins
      }
      try requireEqual(wins.count, 1)
      let stored = try await store.tenant(Sample.tenant).journal(journal.id)
      try requireEqual(stored, taking(journal, wins[0]))
      let open = try await store.openJournals(after: nil, limit: 9)
      try requireEqual(open.map(\.owner), [RegistryProcessID(bits: UInt128(wins[0]))])
    },
    RegistryStoreCheck("who lost an entry stores nothing of its end") { store in
      let provider = Sample.provider(1)
      var number = try Sample.number(1, provider: provider, state: .provisioning)
      let journal = try leased(by: 1)
      try await store.commit(
        Sample.write([
          .insertProvider(provider), .insertNumber(number, providerVersion: 1),
          .insertJournal(journal),
        ]))
      try await store.commit(Sample.write([.updateJournal(taking(journal, 2), from: 1)]))
      var closed = journal
      closed.phase = .closed
      closed.outcome = .done
      closed.revision = 2
      number.state = .active
      number.revision = number.revision.sampleNext
      let latest = try await store.events(after: 0, limit: 9).feed.latest.sequence
      try await requireRefused(
        store,
        Sample.write([.updateNumber(number, from: 1), .updateJournal(closed, from: 1)]),
        .versionMismatch(.journal))
      let stored = try await store.tenant(Sample.tenant).number(number.id)
      try requireEqual(stored?.state, .provisioning)
      let after = try await store.events(after: 0, limit: 9).feed.latest.sequence
      try requireEqual(after, latest)
      let present = try await store.tenant(Sample.tenant).journal(journal.id)
      try requireEqual(present, taking(journal, 2))
    },
  ]

  private static func leased(by process: Int) throws -> ProvisioningJournal {
    ProvisioningJournal.importing(
      try Sample.number(1, provider: Sample.provider(1)),
      ours: VoiceSettings(voiceURL: "https://ours.test/1"), id: Sample.operationID(1),
      time: Sample.start, owner: RegistryProcessID(bits: UInt128(process)))
  }

  private static func taking(
    _ journal: ProvisioningJournal, _ process: Int
  ) -> ProvisioningJournal {
    var taken = journal
    taken.owner = RegistryProcessID(bits: UInt128(process))
    taken.revision += 1
    taken.updateTime = Sample.time(process)
    return taken
  }

  static let routeChecks: [RegistryStoreCheck] = [
    RegistryStoreCheck("each change of a resource is a step of the feed, in order") { store in
      let provider = Sample.provider(2)
      let agent = try Sample.agent(1)
      var number = try Sample.number(1, provider: provider, agent: agent.id)
      let empty = try await store.commit(Sample.write([]))
      try requireEqual(empty.routeSequence, nil)
      let first = try await store.commit(
        Sample.write([.insertProvider(provider), .insertAgent(agent)]))
      let second = try await store.commit(
        Sample.write([.insertNumber(number, providerVersion: 1)]))
      let all = try await store.routes(after: 0, limit: 9)
      try requireEqual(
        all.changes.map(\.kind),
        [
          .put(.provider(ProviderRoute(provider))), .put(.agent(AgentRoute(agent))),
          .put(.number(NumberRoute(number))),
        ])
      try requireEqual(all.changes[1].point.sequence, first.routeSequence ?? 0)
      try requireEqual(all.feed.latest.sequence, second.routeSequence ?? 0)
      number.agentID = nil
      number.revision = number.revision.sampleNext
      try await store.commit(Sample.write([.updateNumber(number, from: 1)]))
      let next = try await store.routes(after: all.feed.latest.sequence, limit: 9)
      try requireEqual(next.changes.map(\.kind), [.put(.number(NumberRoute(number)))])
      // What changed twice stands once.
      let again = try await store.routes(after: 0, limit: 9)
      try requireEqual(again.changes.count, 3)
      try requireEqual(again.feed.epoch, all.feed.epoch)
      let limited = try await store.routes(after: 0, limit: 2)
      try requireEqual(limited.changes, Array(again.changes.prefix(2)))
      try requireEqual(limited.feed.latest, again.feed.latest)
    },
    RegistryStoreCheck("removals are told until they are pruned") { store in
      let provider = Sample.provider(1)
      let number = try Sample.number(1, provider: provider)
      let agent = try Sample.agent(1)
      try await store.commit(
        Sample.write([
          .insertProvider(provider), .insertAgent(agent),
          .insertNumber(number, providerVersion: 1),
        ]))
      try await store.commit(
        Sample.write([.deleteNumber(number.id, from: 1)], at: Sample.time(10)))
      try await store.commit(
        Sample.write(
          [.deleteProvider(provider.id, from: 1), .deleteAgent(agent.id, from: agent.revision)],
          at: Sample.time(20)))
      let page = try await store.routes(after: 0, limit: 9)
      try requireEqual(
        page.changes.map(\.kind),
        [
          .removed(.number(number.id, tenant: Sample.tenant)),
          .removed(.provider(provider.id, tenant: Sample.tenant)),
          .removed(.agent(agent.id, tenant: Sample.tenant)),
        ])
      try requireEqual(page.feed.prunedThrough, 0)
      try await store.prune(
        requestsBefore: Sample.start, historyBefore: Sample.time(15), limit: 9)
      let rest = try await store.routes(after: 0, limit: 9)
      try requireEqual(rest.changes, Array(page.changes.dropFirst()))
      try requireEqual(rest.feed.prunedThrough, page.changes[0].point.sequence)
      try requireEqual(rest.feed.latest, page.feed.latest)
    },
  ]
}
