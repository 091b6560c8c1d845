package import API
package import GRPC
package import Registry
internal import Telephony
internal import WellKnown

/// `trunkline.v1.SoftphoneService` over the registry's use cases.
package struct SoftphoneServiceHandler: Trunkline.V1.SoftphoneServiceProtocol {
  private let softphones: Agents

  /// - Parameter softphones: the use cases of softphones.
  package init(_ softphones: Agents) { self.softphones = softphones }

  package func createSoftphone(
    _ request: Trunkline.V1.CreateSoftphoneRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.CreateSoftphoneResponse {
    let caller = try context.caller
    let create = CreateAgent(
      agent: request.softphone.map { AgentInput($0) }, requestID: request.requestID,
      linkedIDs: request.linkPhoneNumberIDs)
    let softphone = try await answer { () async throws(RegistryError) in
      try await softphones.create(create, by: caller)
    }
    return .init(softphone: .init(softphone))
  }

  package func getSoftphone(
    _ request: Trunkline.V1.GetSoftphoneRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.GetSoftphoneResponse {
    let caller = try context.caller
    let softphone = try await answer { () async throws(RegistryError) in
      try await softphones.get(request.id, by: caller)
    }
    return .init(softphone: .init(softphone))
  }

  package func listSoftphones(
    _ request: Trunkline.V1.ListSoftphonesRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ListSoftphonesResponse {
    let caller = try context.caller
    let asked = PageRequest(size: Int(request.pageSize), token: request.pageToken)
    let page = try await answer { () async throws(RegistryError) in
      try await softphones.list(asked, by: caller)
    }
    return .init(softphones: page.elements.map { .init($0) }, nextPageToken: page.nextToken)
  }

  package func updateSoftphone(
    _ request: Trunkline.V1.UpdateSoftphoneRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.UpdateSoftphoneResponse {
    let caller = try context.caller
    let update = UpdateAgent(
      agent: request.softphone.map { AgentInput($0) }, mask: request.updateMask?.paths,
      linkedIDs: request.linkPhoneNumberIDs, unlinkedIDs: request.unlinkPhoneNumberIDs)
    let softphone = try await answer { () async throws(RegistryError) in
      try await softphones.update(update, by: caller)
    }
    return .init(softphone: .init(softphone))
  }

  package func deleteSoftphone(
    _ request: Trunkline.V1.DeleteSoftphoneRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.DeleteSoftphoneResponse {
    let caller = try context.caller
    try await answer { () async throws(RegistryError) in
      try await softphones.delete(
        request.id, etag: request.etag, unlink: request.unlink, by: caller)
    }
    return .init()
  }
}
