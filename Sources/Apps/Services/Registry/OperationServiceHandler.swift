package import API
package import GRPC
package import Registry
internal import WellKnown

/// `trunkline.v1.OperationService` over the registry's use cases.
package struct OperationServiceHandler: Trunkline.V1.OperationServiceProtocol {
  private let operations: Operations

  package init(_ operations: Operations) { self.operations = operations }

  package func getOperation(
    _ request: Trunkline.V1.GetOperationRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.GetOperationResponse {
    let caller = try context.caller
    let operation = try await answer { () async throws(RegistryError) in
      try await operations.get(request.id, by: caller)
    }
    return .init(operation: .init(operation))
  }

  package func listOperations(
    _ request: Trunkline.V1.ListOperationsRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ListOperationsResponse {
    let caller = try context.caller
    let page = try await answer { () async throws(RegistryError) in
      try await operations.list(ListOperations(request), by: caller)
    }
    return .init(
      operations: page.elements.map { .init($0, isListed: true) }, nextPageToken: page.nextToken)
  }

  package func cancelOperation(
    _ request: Trunkline.V1.CancelOperationRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.CancelOperationResponse {
    let caller = try context.caller
    let operation = try await answer { () async throws(RegistryError) in
      try await operations.cancel(request.id, by: caller)
    }
    return .init(operation: .init(operation))
  }

  package func waitOperation(
    _ request: Trunkline.V1.WaitOperationRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.WaitOperationResponse {
    let caller = try context.caller
    let timeout = try request.timeout.map { (timeout) throws(RPCError) in
      try timeout.duration(field: "timeout")
    }
    let operation = try await answer { () async throws(RegistryError) in
      try await operations.wait(for: request.id, timeout: timeout, by: caller)
    }
    return .init(operation: .init(operation))
  }
}

extension Google.Protobuf.Duration {
  /// As Swift's; one that the type does not allow is refused.
  func duration(field: String) throws(RPCError) -> Swift.Duration {
    // ±10,000 years, and both parts of one sign, as google/protobuf/duration.proto has it.
    guard (-315_576_000_000...315_576_000_000).contains(seconds),
      (-999_999_999...999_999_999).contains(nanos),
      seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
    else {
      throw ErrorDetails.invalid([(field, "MALFORMED", "This is no duration.")]).error
    }
    return .seconds(seconds) + .nanoseconds(nanos)
  }
}
