internal import Access
package import Telephony

/// Why a number can't be given to an agent, or taken from it.
package struct LinkObstacle: Sendable, Hashable {
  package enum Reason: Sendable, Hashable {
    case missing
    /// Somebody else has it.
    case assigned(AgentID)
    case state(PhoneNumberState)
  }

  package var id: PhoneNumberID
  package var reason: Reason
}

/// The numbers that a request gives to an agent, or takes from it.
struct LinkDraft: Sendable {
  /// By their ids, so that two requests take the same rows in the same order.
  let linked: [PhoneNumberID]
  let unlinked: [PhoneNumberID]

  init(link: [String], unlink: [String], _ validator: inout Validator) {
    self.linked = Self.read("link_phone_number_ids", link, &validator)
    self.unlinked = Self.read("unlink_phone_number_ids", unlink, &validator)
    if !Set(linked).isDisjoint(with: unlinked) {
      validator.refuse(
        "unlink_phone_number_ids", .conflicting, "A number stands in link_phone_number_ids, too.")
    }
  }

  private static func read(
    _ field: String, _ texts: [String], _ validator: inout Validator
  ) -> [PhoneNumberID] {
    guard texts.count <= RegistryLimits.linkCountMax else {
      validator.refuse(
        field, .tooMany,
        "There are \(texts.count) numbers; the limit is \(RegistryLimits.linkCountMax).")
      return []
    }
    var ids: Set<PhoneNumberID> = []
    for (index, text) in texts.enumerated() {
      let place = "\(field)[\(index)]"
      guard let id = validator.id(place, text, as: PhoneNumberID.self) else { continue }
      if !ids.insert(id).inserted {
        validator.refuse(place, .duplicate, "The number stands there twice.")
      }
    }
    return ids.sorted()
  }

  /// Whoever changes numbers must be allowed to.
  func check(_ caller: Caller) throws(RegistryError) {
    if !linked.isEmpty || !unlinked.isEmpty, !caller.may(.numbersWrite) {
      throw .scopeMissing(.numbersWrite)
    }
  }
}

/// Numbers before and after their agent changes.
struct Linking: Sendable {
  var numbers: [(old: PhoneNumber, new: PhoneNumber)] = []

  /// What it is in a transaction, and what the audit log is told of it.
  func add(to write: inout RegistryWrite, _ caller: Caller, _ ids: any IDSource) {
    for (old, new) in numbers {
      var new = new
      new.revision = old.revision.next(at: write.time)
      write.changes.append(.updateNumber(new, from: old.revision.version))
      let draft = AuditDraft(new.agentID == nil ? .unassign : .assign, from: old, to: new)
      write.audit.append(draft.entry(by: caller, at: write.time, ids))
    }
  }
}

extension Agents {
  /// The numbers as they would be; throws when any can't be.
  func linking(
    _ draft: LinkDraft, _ agent: AgentID, _ caller: Caller
  ) async throws(RegistryError) -> Linking {
    var linking = Linking()
    var obstacles: [LinkObstacle] = []
    for id in draft.linked + draft.unlinked {
      let found = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).number(id)
      }
      guard let old = found else {
        obstacles.append(LinkObstacle(id: id, reason: .missing))
        continue
      }
      if let holder = old.agentID, holder != agent {
        obstacles.append(LinkObstacle(id: id, reason: .assigned(holder)))
        continue
      }
      var new = old
      new.agentID = draft.linked.contains(id) ? agent : nil
      guard new != old else { continue }
      switch old.state {
      case .deleting where new.agentID != nil, .corrupted where new.agentID != nil:
        obstacles.append(LinkObstacle(id: id, reason: .state(old.state)))
      case .provisioning, .active, .degraded, .deleting, .corrupted:
        linking.numbers.append((old, new))
      }
    }
    guard obstacles.isEmpty else {
      throw .numbersNotLinked(
        Array(obstacles.prefix(RegistryLimits.unlinkedNumbersMax)), total: obstacles.count)
    }
    return linking
  }

  /// All numbers of an agent without it.
  func unlinking(_ agent: AgentID, _ caller: Caller) async throws(RegistryError) -> Linking {
    var linking = Linking()
    var cursor: PageCursor?
    while true {
      let page = try await reading { [cursor] () async throws(StoreError) in
        try await context.store(of: caller.tenant).numbers(
          PhoneNumberFilter(agentID: agent), after: cursor, limit: RegistryLimits.pageSizeMax)
      }
      for old in page {
        var new = old
        new.agentID = nil
        linking.numbers.append((old, new))
      }
      guard let last = page.last, page.count == RegistryLimits.pageSizeMax else { break }
      guard linking.numbers.count <= RegistryLimits.unlinkCountMax else { break }
      cursor = PageCursor(createTime: last.revision.createTime, id: last.id.description)
    }
    guard linking.numbers.count <= RegistryLimits.unlinkCountMax else {
      let count = try await reading { () async throws(StoreError) in
        try await context.store(of: caller.tenant).numbers(of: [agent])[agent]?.count
      }
      throw .agentInUse(agent, numberCount: count ?? linking.numbers.count)
    }
    return linking
  }
}
