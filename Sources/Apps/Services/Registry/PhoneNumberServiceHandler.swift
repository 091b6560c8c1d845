package import API
package import GRPC
package import Registry
internal import Telephony
internal import WellKnown

/// `trunkline.v1.PhoneNumberService` over the registry's use cases.
package struct PhoneNumberServiceHandler: Trunkline.V1.PhoneNumberServiceProtocol {
  private let numbers: PhoneNumbers

  package init(_ numbers: PhoneNumbers) { self.numbers = numbers }

  package func importPhoneNumber(
    _ request: Trunkline.V1.ImportPhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ImportPhoneNumberResponse {
    let caller = try context.caller
    let number = try await answer { () async throws(RegistryError) in
      try await numbers.importNumber(ImportPhoneNumber(request), by: caller)
    }
    var made = Trunkline.V1.PhoneNumber(number)
    if request.validateOnly {
      made.forgetIdentity()
      // A provider that was not made has none.
      if request.provider != nil { made.providerID = "" }
    }
    return .init(phoneNumber: made)
  }

  package func batchImportPhoneNumbers(
    _ request: Trunkline.V1.BatchImportPhoneNumbersRequest,
    responses: ResponseWriter<Trunkline.V1.BatchImportPhoneNumbersResponse>,
    context: ServerContext
  ) async throws(RPCError) {
    let (caller, numbers) = (try context.caller, numbers)
    let batch = BatchImportPhoneNumbers(request)
    try await context.whileAdmitted { () async throws(RPCError) in
      try await answer { () async throws(RegistryError) in
        try await numbers.batchImport(batch, by: caller) { step in
          do throws(RPCError) {
            try await responses.write(.init(step))
            return true
          } catch {
            return false
          }
        }
      }
    }
  }

  package func searchAvailablePhoneNumbers(
    _ request: Trunkline.V1.SearchAvailablePhoneNumbersRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.SearchAvailablePhoneNumbersResponse {
    let caller = try context.caller
    let found = try await answer { () async throws(RegistryError) in
      try await numbers.search(SearchAvailablePhoneNumbers(request), by: caller)
    }
    return .init(numbers: found.map { .init($0) })
  }

  package func provisionPhoneNumber(
    _ request: Trunkline.V1.ProvisionPhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ProvisionPhoneNumberResponse {
    let caller = try context.caller
    let (operation, number) = try await answer { () async throws(RegistryError) in
      try await numbers.provision(ProvisionPhoneNumber(request), by: caller)
    }
    var bought = number.map { Trunkline.V1.PhoneNumber($0) }
    if operation == nil { bought?.forgetIdentity() }
    return .init(operation: operation.map { .init($0) }, phoneNumber: bought)
  }

  package func releasePhoneNumber(
    _ request: Trunkline.V1.ReleasePhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ReleasePhoneNumberResponse {
    let caller = try context.caller
    let operation = try await answer { () async throws(RegistryError) in
      try await numbers.release(ReleasePhoneNumber(request), by: caller)
    }
    return .init(operation: .init(operation))
  }

  package func getQuota(
    _ request: Trunkline.V1.GetQuotaRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.GetQuotaResponse {
    let caller = try context.caller
    let uses = try await answer { () async throws(RegistryError) in
      try await numbers.quota(by: caller)
    }
    return .init(
      quotas: uses.map { use in
        .init(
          name: "\(use.kind.rawValue)s", used: Int64(use.count),
          limit: use.countMax.map { Int64($0) })
      })
  }

  package func getPhoneNumber(
    _ request: Trunkline.V1.GetPhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.GetPhoneNumberResponse {
    let caller = try context.caller
    let number = try await answer { () async throws(RegistryError) in
      try await numbers.get(request.id, by: caller)
    }
    return .init(phoneNumber: .init(number))
  }

  package func listPhoneNumbers(
    _ request: Trunkline.V1.ListPhoneNumbersRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ListPhoneNumbersResponse {
    let caller = try context.caller
    let page = try await answer { () async throws(RegistryError) in
      try await numbers.list(ListPhoneNumbers(request), by: caller)
    }
    return .init(phoneNumbers: page.elements.map { .init($0) }, nextPageToken: page.nextToken)
  }

  package func updatePhoneNumber(
    _ request: Trunkline.V1.UpdatePhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.UpdatePhoneNumberResponse {
    let caller = try context.caller
    let number = try await answer { () async throws(RegistryError) in
      try await numbers.update(UpdatePhoneNumber(request), by: caller)
    }
    return .init(phoneNumber: .init(number))
  }

  package func assignPhoneNumber(
    _ request: Trunkline.V1.AssignPhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.AssignPhoneNumberResponse {
    let caller = try context.caller
    let assignee: AssigneeChoice =
      switch request.assignee {
      case .agentID(let id): .agent(id)
      case .softphoneID(let id): .softphone(id)
      case nil: .unset
      }
    let number = try await answer { () async throws(RegistryError) in
      try await numbers.assign(
        request.id, to: assignee, etag: request.etag, by: caller)
    }
    return .init(phoneNumber: .init(number))
  }

  package func unassignPhoneNumber(
    _ request: Trunkline.V1.UnassignPhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.UnassignPhoneNumberResponse {
    let caller = try context.caller
    let number = try await answer { () async throws(RegistryError) in
      try await numbers.unassign(request.id, etag: request.etag, by: caller)
    }
    return .init(phoneNumber: .init(number))
  }

  package func getPhoneNumberUsage(
    _ request: Trunkline.V1.GetPhoneNumberUsageRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.GetPhoneNumberUsageResponse {
    let caller = try context.caller
    let usage = try await answer { () async throws(RegistryError) in
      try await numbers.usage(request.id, by: caller)
    }
    return .init(usage: .init(usage))
  }

  package func deletePhoneNumber(
    _ request: Trunkline.V1.DeletePhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.DeletePhoneNumberResponse {
    let caller = try context.caller
    let number = try await answer { () async throws(RegistryError) in
      try await numbers.delete(request.id, etag: request.etag, by: caller)
    }
    return .init(phoneNumber: .init(number))
  }

  package func forceDeletePhoneNumber(
    _ request: Trunkline.V1.ForceDeletePhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ForceDeletePhoneNumberResponse {
    let caller = try context.caller
    let number = try await answer { () async throws(RegistryError) in
      try await numbers.forceDelete(request.id, etag: request.etag, by: caller)
    }
    return .init(phoneNumber: .init(number))
  }

  package func repairPhoneNumber(
    _ request: Trunkline.V1.RepairPhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.RepairPhoneNumberResponse {
    let caller = try context.caller
    let operation = try await answer { () async throws(RegistryError) in
      try await numbers.repair(RepairPhoneNumber(request), by: caller)
    }
    return .init(operation: .init(operation))
  }

  package func movePhoneNumber(
    _ request: Trunkline.V1.MovePhoneNumberRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.MovePhoneNumberResponse {
    let caller = try context.caller
    let operation = try await answer { () async throws(RegistryError) in
      try await numbers.move(MovePhoneNumber(request), by: caller)
    }
    return .init(operation: operation.map { .init($0) })
  }

  package func watchPhoneNumbers(
    _ request: Trunkline.V1.WatchPhoneNumbersRequest,
    responses: ResponseWriter<Trunkline.V1.WatchPhoneNumbersResponse>, context: ServerContext
  ) async throws(RPCError) {
    let (caller, numbers) = (try context.caller, numbers)
    try await context.whileAdmitted { () async throws(RPCError) in
      let watch = try await answer { () async throws(RegistryError) in
        try await numbers.watch(resumeToken: request.resumeToken, by: caller)
      }
      while true {
        let step = try await answer { () async throws(RegistryError) in try await watch.next() }
        try await responses.write(.init(step))
      }
    }
  }
}

extension Trunkline.V1.BatchImportPhoneNumbersResponse {
  fileprivate init(_ step: BatchImportStep) {
    self.init()
    result = step.result.map { result in
      let outcome: Result.Outcome =
        switch result.outcome {
        case .success(let number): .phoneNumber(.init(number))
        case .failure(let error): .error(Google.Rpc.Status(RPCError(error)))
        }
      return Result(index: Int32(result.index), outcome: outcome)
    }
    doneCount = Int32(step.doneCount)
    failedCount = Int32(step.failedCount)
    totalCount = Int32(step.totalCount)
    operationID = step.operationID.description
  }
}

extension Trunkline.V1.WatchPhoneNumbersResponse {
  fileprivate init(_ step: NumberStep) {
    self.init()
    resumeToken = step.resumeToken
    switch step.kind {
    case .snapshot(let number):
      (kind, version) = (.snapshot, number.revision.version)
      phoneNumber = .init(number)
    case .snapshotEnd: kind = .snapshotEnd
    case .heartbeat: kind = .heartbeat
    case .changed(let event):
      switch event.change {
      case .created: kind = .created
      case .updated: kind = .updated
      case .deleted: kind = .deleted
      }
      version = event.version
      changeTime = .init(event.time)
      phoneNumber = event.number.map { .init($0) } ?? .init(id: event.resourceID)
    }
  }
}
