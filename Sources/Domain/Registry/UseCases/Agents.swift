package import Access
package import Telephony

/// Registering what answers calls: agents, or softphones. A softphone is kept as an agent with one
/// connection for all regions; its id tells what it is.
package struct Agents: Sendable {
  let context: RegistryContext
  /// What is registered; the other kind is not there.
  let kind: AssigneeKind

  package init(_ context: RegistryContext, _ kind: AssigneeKind = .agent) {
    self.context = context
    self.kind = kind
  }

  /// Registers an agent, under the client's id where it chose one.
  package func create(
    _ request: CreateAgent, by caller: Caller
  ) async throws(RegistryError) -> AgentView {
    var validator = Validator()
    validator.requestID(request.requestID)
    guard let input = request.agent else {
      validator.refuse(kind.noun, .required, "The \(kind.noun) is missing.")
      throw .invalidArgument(validator.violations)
    }
    let chosen = validator.optionalAgentID("\(kind.noun).id", input.id, kind)
    validator.text(
      "\(kind.noun).display_name", input.displayName,
      lengthMax: RegistryLimits.displayNameLengthMax)
    validator.labels("\(kind.noun).labels", input.labels)
    let connections = drafts(input, &validator)
    let links = LinkDraft(link: request.linkedIDs, unlink: [], &validator)
    try validator.finish()
    try links.check(caller)
    var body = RequestBody(kind == .agent ? "CreateAgent" : "CreateSoftphone")
    body.add(input)
    for id in links.linked { body.add(id.description) }
    if let earlier = try await context.earlier(request.requestID, body, tenant: caller.tenant) {
      return try await replay(earlier, body, caller)
    }
    let now = context.time.now()
    let id = chosen ?? AgentID(kind, at: now, random: context.ids)
    var agent = Agent(
      id: id, tenant: caller.tenant, displayName: input.displayName, connections: [],
      labels: input.labels, revision: Revision(createTime: now))
    agent = try sealing(connections, of: agent)
    let record = try context.request(
      request.requestID, body, resource: id.description, tenant: caller.tenant)
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let linking = try await linking(links, id, caller)
      var write = context.write(
        by: caller, at: now, request: record, [.insertAgent(agent)],
        audit: AuditDraft(.create, from: nil, to: agent))
      linking.add(to: &write, caller, context.ids)
      do {
        try await context.commit(write, of: caller.tenant)
      } catch .requestRepeated(let earlier) {
        return try await replay(earlier, body, caller)
      } catch .agentExists {
        throw .agentExists(id)
      } catch .versionMismatch(.number), .notFound(.number) {
        continue
      } catch {
        throw RegistryError(error)
      }
      return try await view(agent)
    }
    throw .contended(.agent(id))
  }

  package func get(_ id: String, by caller: Caller) async throws(RegistryError) -> AgentView {
    try await view(try await context.agent(try parse("id", id), tenant: caller.tenant))
  }

  /// Newest first.
  package func list(
    _ page: PageRequest, by caller: Caller
  ) async throws(RegistryError) -> Page<AgentView> {
    var validator = Validator()
    let plan = PagePlan(page, query: "\(kind.noun)s", &validator)
    try validator.finish()
    let read = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).agents(
        kind, after: plan.cursor, limit: plan.size + 1)
    }
    let agents = plan.page(read) {
      PageCursor(createTime: $0.revision.createTime, id: $0.id.description)
    }
    let numbers = try await reading { () async throws(StoreError) in
      try await context.store(of: caller.tenant).numbers(of: agents.elements.map(\.id))
    }
    return Page(
      elements: agents.elements.map {
        AgentView(agent: $0, numbers: numbers[$0.id] ?? AgentNumbers())
      },
      nextToken: agents.nextToken)
  }

  /// Changes name, connections (all of them) and labels. A connection whose password is unset keeps
  /// the one that is stored for the same address and user name.
  ///
  /// - Parameter request: for a softphone the mask's path of the connection is `sip`.
  package func update(
    _ request: UpdateAgent, by caller: Caller
  ) async throws(RegistryError) -> AgentView {
    var validator = Validator()
    guard let input = request.agent else {
      throw .invalidArgument([
        FieldViolation(kind.noun, .required, "The \(kind.noun) is missing.")
      ])
    }
    let id = validator.agentID("\(kind.noun).id", input.id, kind)
    validator.etag("\(kind.noun).etag", input.etag)
    let fields = fields(request.mask, input, &validator)
    if fields.contains(.displayName) {
      validator.text(
        "\(kind.noun).display_name", input.displayName,
        lengthMax: RegistryLimits.displayNameLengthMax)
    }
    if fields.contains(.labels) { validator.labels("\(kind.noun).labels", input.labels) }
    var connections: [ConnectionDraft] = []
    if fields.contains(.connections) { connections = drafts(input, &validator) }
    let links = LinkDraft(link: request.linkedIDs, unlink: request.unlinkedIDs, &validator)
    try validator.finish()
    try links.check(caller)
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let present = try await context.agent(id, tenant: caller.tenant)
      try checkEtag(input.etag, present.etag, .agent(id))
      var next = present
      if fields.contains(.displayName) { next.displayName = input.displayName }
      if fields.contains(.labels) { next.labels = input.labels }
      if fields.contains(.connections) {
        next = try sealing(connections, of: next)
      }
      let linking = try await linking(links, id, caller)
      var write = RegistryWrite(at: context.time.now(), changes: [])
      if next != present {
        next.revision = present.revision.next(at: write.time)
        write = context.write(
          by: caller, at: write.time, [.updateAgent(next, from: present.revision.version)],
          audit: AuditDraft(.update, from: present, to: next))
      }
      linking.add(to: &write, caller, context.ids)
      if write.changes.isEmpty { return try await view(present) }
      do {
        try await context.commit(write, of: caller.tenant)
      } catch .versionMismatch, .notFound {
        continue
      } catch {
        throw RegistryError(error)
      }
      return try await view(next)
    }
    throw .contended(.agent(id))
  }

  /// Removes an agent; refused while numbers are assigned to it, unless it is told to `unlink`.
  package func delete(
    _ id: String, etag: String = "", unlink: Bool = false, by caller: Caller
  ) async throws(RegistryError) {
    var validator = Validator()
    let id = validator.agentID("id", id, kind)
    validator.etag("etag", etag)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    if unlink, !caller.may(.numbersWrite) { throw .scopeMissing(.numbersWrite) }
    for _ in 0..<RegistryLimits.contentionAttemptsMax {
      let present = try await context.agent(id, tenant: caller.tenant)
      try checkEtag(etag, present.etag, .agent(id))
      var write = RegistryWrite(at: context.time.now(), changes: [])
      if unlink { try await unlinking(id, caller).add(to: &write, caller, context.ids) }
      write.changes.append(.deleteAgent(id, from: present.revision))
      let draft = AuditDraft(.delete, from: present, to: nil)
      write.audit.append(draft.entry(by: caller, at: write.time, context.ids))
      do {
        return try await context.commit(write, of: caller.tenant)
      } catch .agentHasNumbers(let count) {
        // Others gave it one meanwhile.
        if unlink { continue }
        throw .agentInUse(id, numberCount: count)
      } catch .versionMismatch, .notFound {
        continue
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.agent(id))
  }

  // MARK: -

  private func drafts(
    _ input: AgentInput, _ validator: inout Validator
  ) -> [ConnectionDraft] {
    switch kind {
    case .agent: ConnectionDraft.all(input.connections, &validator)
    case .softphone: ConnectionDraft.endpoint(input.connections, &validator)
    }
  }

  private func fields(
    _ mask: [String]?, _ input: AgentInput, _ validator: inout Validator
  ) -> Set<AgentField> {
    var populated: Set<AgentField> = []
    if !input.displayName.isEmpty { populated.insert(.displayName) }
    if !input.connections.isEmpty { populated.insert(.connections) }
    if !input.labels.isEmpty { populated.insert(.labels) }
    switch kind {
    case .agent: return UpdateMask(mask, populated: populated, &validator).fields
    case .softphone:
      let fields = UpdateMask<SoftphoneField>(
        mask, populated: Set(populated.map { SoftphoneField($0) }), &validator
      ).fields
      return Set(fields.map(\.stored))
    }
  }

  private func parse(_ field: String, _ text: String) throws(RegistryError) -> AgentID {
    var validator = Validator()
    let id = validator.agentID(field, text, kind)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }
    return id
  }

  private func view(_ agent: Agent) async throws(RegistryError) -> AgentView {
    let numbers = try await reading { () async throws(StoreError) in
      try await context.store(of: agent.tenant).numbers(of: [agent.id])
    }
    return AgentView(agent: agent, numbers: numbers[agent.id] ?? AgentNumbers())
  }

  private func replay(
    _ record: RequestRecord, _ body: RequestBody, _ caller: Caller
  ) async throws(RegistryError) -> AgentView {
    try context.checkSame(record, body)
    return try await view(
      try await context.agent(try parse("id", record.resourceID), tenant: caller.tenant))
  }

  /// The agent with these connections in place of those that it has; a password that is not given
  /// stays as it is.
  private func sealing(
    _ drafts: [ConnectionDraft], of agent: Agent
  ) throws(RegistryError) -> Agent {
    var next = agent
    next.connections = []
    for draft in drafts {
      switch draft.target {
      case .mediaStream(let url, let parameters):
        next.connections.append(
          AgentConnection(
            region: draft.region, target: .mediaStream(url: url, parameters: parameters)))
      case .sip(let uri, let username, let password):
        var sealed: SealedSecret?
        if let password {
          if !password.isEmpty {
            sealed = try context.seal(
              password, .sipPassword(agent.id, agent.tenant), of: agent.secretOwner,
              under: &next.dataKey)
          }
        } else {
          sealed = Self.password(uri, username, agent.connections)
        }
        let login = username.isEmpty ? nil : SIPLogin(username: username, password: sealed)
        next.connections.append(
          AgentConnection(region: draft.region, target: .sip(uri: uri, login: login)))
      }
    }
    // A data key that seals nothing would be kept and sealed anew for ever.
    if !next.seals.contains(where: \.isEnvelope) { next.dataKey = nil }
    return next
  }

  /// The stored password of the same address and user name.
  private static func password(
    _ uri: String, _ username: String, _ present: [AgentConnection]
  ) -> SealedSecret? {
    for connection in present {
      if case .sip(uri, let login?) = connection.target, login.username == username,
        let password = login.password
      {
        return password
      }
    }
    return nil
  }
}
