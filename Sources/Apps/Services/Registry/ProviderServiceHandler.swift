package import API
package import GRPC
package import Registry
internal import Telephony
internal import WellKnown

/// `trunkline.v1.ProviderService` over the registry's use cases.
package struct ProviderServiceHandler: Trunkline.V1.ProviderServiceProtocol {
  private let providers: Providers
  private let diagnoses: Diagnoses

  package init(_ providers: Providers, _ diagnoses: Diagnoses) {
    self.providers = providers
    self.diagnoses = diagnoses
  }

  package func createProvider(
    _ request: Trunkline.V1.CreateProviderRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.CreateProviderResponse {
    let caller = try context.caller
    let provider = try await answer { () async throws(RegistryError) in
      try await providers.create(CreateProvider(request), by: caller)
    }
    var made = Trunkline.V1.Provider(provider)
    if request.validateOnly { made.forgetIdentity() }
    return .init(provider: made)
  }

  package func getProvider(
    _ request: Trunkline.V1.GetProviderRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.GetProviderResponse {
    let caller = try context.caller
    let provider = try await answer { () async throws(RegistryError) in
      try await providers.get(request.id, by: caller)
    }
    return .init(provider: .init(provider))
  }

  package func listProviders(
    _ request: Trunkline.V1.ListProvidersRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ListProvidersResponse {
    let caller = try context.caller
    let page = try await answer { () async throws(RegistryError) in
      try await providers.list(ListProviders(request), by: caller)
    }
    return .init(providers: page.elements.map { .init($0) }, nextPageToken: page.nextToken)
  }

  package func updateProvider(
    _ request: Trunkline.V1.UpdateProviderRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.UpdateProviderResponse {
    let caller = try context.caller
    let provider = try await answer { () async throws(RegistryError) in
      try await providers.update(UpdateProvider(request), by: caller)
    }
    return .init(provider: .init(provider))
  }

  package func deleteProvider(
    _ request: Trunkline.V1.DeleteProviderRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.DeleteProviderResponse {
    let caller = try context.caller
    try await answer { () async throws(RegistryError) in
      try await providers.delete(request.id, etag: request.etag, by: caller)
    }
    return .init()
  }

  package func validateProvider(
    _ request: Trunkline.V1.ValidateProviderRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ValidateProviderResponse {
    let caller = try context.caller
    let provider = try await answer { () async throws(RegistryError) in
      try await providers.validate(ValidateProvider(request), by: caller)
    }
    return .init(provider: .init(provider))
  }

  package func syncProvider(
    _ request: Trunkline.V1.SyncProviderRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.SyncProviderResponse {
    let caller = try context.caller
    let operation = try await answer { () async throws(RegistryError) in
      try await providers.sync(
        SyncProvider(
          id: request.id, isDryRun: request.dryRun, requestID: request.requestID), by: caller)
    }
    return .init(operation: .init(operation))
  }

  package func stageCredential(
    _ request: Trunkline.V1.StageCredentialRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.StageCredentialResponse {
    let caller = try context.caller
    let provider = try await answer { () async throws(RegistryError) in
      try await providers.stage(StageCredential(request), by: caller)
    }
    return .init(provider: .init(provider))
  }

  package func promoteCredential(
    _ request: Trunkline.V1.PromoteCredentialRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.PromoteCredentialResponse {
    let caller = try context.caller
    let (provider, operation) = try await answer { () async throws(RegistryError) in
      try await providers.promote(
        SwitchCredential(providerID: request.id, etag: request.etag), waits: !request.beginOnly,
        by: caller)
    }
    return .init(provider: .init(provider), operation: .init(operation))
  }

  package func rollbackCredential(
    _ request: Trunkline.V1.RollbackCredentialRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.RollbackCredentialResponse {
    let caller = try context.caller
    let provider = try await answer { () async throws(RegistryError) in
      try await providers.rollBack(
        SwitchCredential(providerID: request.id, etag: request.etag), by: caller)
    }
    return .init(provider: .init(provider))
  }

  package func listProviderNumbers(
    _ request: Trunkline.V1.ListProviderNumbersRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ListProviderNumbersResponse {
    let caller = try context.caller
    let page = try await answer { () async throws(RegistryError) in
      try await providers.listNumbers(
        providerID: request.providerID,
        page: PageRequest(size: Int(request.pageSize), token: request.pageToken),
        by: caller)
    }
    return .init(numbers: page.elements.map { .init($0) }, nextPageToken: page.nextToken)
  }
  package func diagnoseProvider(
    _ request: Trunkline.V1.DiagnoseProviderRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.DiagnoseProviderResponse {
    let caller = try context.caller
    let wish = DiagnoseProvider(
      request, timeLeft: context.deadline.map { ContinuousClock.now.duration(to: $0) })
    let report = try await answer { () async throws(RegistryError) in
      try await diagnoses.diagnose(wish, by: caller)
    }
    return .init(report)
  }
}
