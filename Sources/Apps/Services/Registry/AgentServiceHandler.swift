package import API
package import GRPC
package import Registry
internal import Telephony
internal import WellKnown

/// `trunkline.v1.AgentService` over the registry's use cases.
package struct AgentServiceHandler: Trunkline.V1.AgentServiceProtocol {
  private let agents: Agents

  package init(_ agents: Agents) { self.agents = agents }

  package func createAgent(
    _ request: Trunkline.V1.CreateAgentRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.CreateAgentResponse {
    let caller = try context.caller
    let create = CreateAgent(
      agent: request.agent.map { AgentInput($0) }, requestID: request.requestID,
      linkedIDs: request.linkPhoneNumberIDs)
    let agent = try await answer { () async throws(RegistryError) in
      try await agents.create(create, by: caller)
    }
    return .init(agent: .init(agent))
  }

  package func getAgent(
    _ request: Trunkline.V1.GetAgentRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.GetAgentResponse {
    let caller = try context.caller
    let agent = try await answer { () async throws(RegistryError) in
      try await agents.get(request.id, by: caller)
    }
    return .init(agent: .init(agent))
  }

  package func listAgents(
    _ request: Trunkline.V1.ListAgentsRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ListAgentsResponse {
    let caller = try context.caller
    let asked = PageRequest(size: Int(request.pageSize), token: request.pageToken)
    let page = try await answer { () async throws(RegistryError) in
      try await agents.list(asked, by: caller)
    }
    return .init(agents: page.elements.map { .init($0) }, nextPageToken: page.nextToken)
  }

  package func updateAgent(
    _ request: Trunkline.V1.UpdateAgentRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.UpdateAgentResponse {
    let caller = try context.caller
    let update = UpdateAgent(
      agent: request.agent.map { AgentInput($0) }, mask: request.updateMask?.paths,
      linkedIDs: request.linkPhoneNumberIDs, unlinkedIDs: request.unlinkPhoneNumberIDs)
    let agent = try await answer { () async throws(RegistryError) in
      try await agents.update(update, by: caller)
    }
    return .init(agent: .init(agent))
  }

  package func deleteAgent(
    _ request: Trunkline.V1.DeleteAgentRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.DeleteAgentResponse {
    let caller = try context.caller
    try await answer { () async throws(RegistryError) in
      try await agents.delete(
        request.id, etag: request.etag, unlink: request.unlink, by: caller)
    }
    return .init()
  }
}
