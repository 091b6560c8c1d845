internal import API
internal import GRPC

/// Follows calls, or one call until it is over.
struct CallWatch: Sendable {
  let request: V1.WatchCallsRequest
  let callID: String?

  func run(_ session: Session) async throws(CommandFailure) {
    let client = V1.CallDispatchServiceClient(channel: session.channel)
    // A stream is begun once: what was printed can't be taken back.
    let failure = try await session.call(.never) {
      (options) async throws(RPCError) -> CommandFailure? in
      try await client.watchCalls(request, options: options) {
        (responses) async throws(RPCError) -> CommandFailure? in
        do throws(CommandFailure) {
          try await follow(responses, client, session)
          return nil
        } catch {
          return error
        }
      }
    }
    if let failure { throw failure }
  }

  private func follow(
    _ responses: ResponseStream<V1.WatchCallsResponse>, _ client: V1.CallDispatchServiceClient,
    _ session: Session
  ) async throws(CommandFailure) {
    var wasSeen = false
    while let response = try await next(responses) {
      if let call = response.call {
        guard callID == nil || callID == call.id else { continue }
        wasSeen = true
        try session.show(response) { CallText.line($0.call ?? call) }
        if callID != nil, call.isOver { return }
      } else if let callID, !wasSeen {
        // All live calls were sent and this one was not among them: it is over, or unknown.
        wasSeen = true
        let answer = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in
          try await client.getCall(V1.GetCallRequest(id: callID), options: options)
        }
        guard let call = answer.call, call.isOver else { continue }
        var last = response
        last.call = call
        try session.show(last) { _ in CallText.line(call) }
        return
      }
    }
  }

  private func next(
    _ responses: ResponseStream<V1.WatchCallsResponse>
  ) async throws(CommandFailure) -> V1.WatchCallsResponse? {
    do throws(RPCError) {
      return try await responses.next()
    } catch {
      throw .call(error, requestID: nil)
    }
  }
}
