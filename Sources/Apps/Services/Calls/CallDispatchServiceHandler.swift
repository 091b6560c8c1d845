package import API
internal import Access
package import CallDispatch
package import GRPC
internal import Telephony
internal import WellKnown

/// `trunkline.v1.CallDispatchService` over call dispatch's use cases.
package struct CallDispatchServiceHandler: Trunkline.V1.CallDispatchServiceProtocol {
  private let dispatcher: CallDispatcher

  package init(_ dispatcher: CallDispatcher) { self.dispatcher = dispatcher }

  package func placeCalls(
    _ request: Trunkline.V1.PlaceCallsRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.PlaceCallsResponse {
    let place = try PlaceRequest(request, by: try context.caller)
    let results = try await answer { () async throws(DispatchError) in
      try await dispatcher.placeCalls(place)
    }
    return .init(
      results: results.enumerated().map { index, result in .init(result, index: index) })
  }

  package func getCall(
    _ request: Trunkline.V1.GetCallRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.GetCallResponse {
    let caller = try context.caller
    let id = try callID(request.id)
    let call = try await answer { () async throws(DispatchError) in
      try await dispatcher.call(id, tenant: caller.tenant)
    }
    return .init(call: .init(call))
  }

  package func listCalls(
    _ request: Trunkline.V1.ListCallsRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ListCallsResponse {
    let caller = try context.caller
    let filter = try CallFilter(request, tenant: caller.tenant)
    let page = try await answer { () async throws(DispatchError) in
      try await dispatcher.calls(
        filter, pageSize: Int(request.pageSize), pageToken: request.pageToken)
    }
    return .init(
      calls: page.calls.map { .init($0) }, nextPageToken: page.nextPageToken ?? "")
  }

  package func watchCalls(
    _ request: Trunkline.V1.WatchCallsRequest,
    responses: ResponseWriter<Trunkline.V1.WatchCallsResponse>, context: ServerContext
  ) async throws(RPCError) {
    let caller = try context.caller
    let filter = try CallFilter(request, tenant: caller.tenant)
    let dispatcher = dispatcher
    try await context.whileAdmitted { () async throws(RPCError) in
      let watch = try await answer { () async throws(DispatchError) in
        try await dispatcher.watch(filter, resumeToken: request.resumeToken)
      }
      while true {
        let update = try await answer { () async throws(DispatchError) in try await watch.next() }
        switch update {
        case .changed(let call, let token):
          try await responses.write(.init(call: .init(call), resumeToken: token))
        case .level(let token): try await responses.write(.init(resumeToken: token))
        }
      }
    }
  }

  package func hangUpCall(
    _ request: Trunkline.V1.HangUpCallRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.HangUpCallResponse {
    let caller = try context.caller
    let id = try callID(request.id)
    let call = try await answer { () async throws(DispatchError) in
      try await dispatcher.hangUp(id, by: caller)
    }
    return .init(call: .init(call))
  }

  private func callID(_ text: String) throws(RPCError) -> CallID {
    var reader = RequestReader()
    let id = reader.callID("id", text)
    try reader.finish()
    guard let id else { throw .unexpected }
    return id
  }
}

/// Runs a use case and tells its error as a status.
private func answer<Result>(
  _ body: () async throws(DispatchError) -> Result
) async throws(RPCError) -> Result {
  do throws(DispatchError) {
    return try await body()
  } catch {
    throw RPCError(error)
  }
}
