internal import API
internal import GRPC

/// Follows calls, or one call until it is over.
struct CallWatch: Sendable {
  let request: V1.WatchCallsRequest
  let callID: String?

  /// How one stream ended.
  private struct End: Sendable {
    /// `nil`: the call that was followed is over, or the server has no more to say.
    var failure: CommandFailure?
    /// Where the next stream begins; empty if this one said nothing.
    var resumeToken = ""
  }

  /// Prints until the end. A stream that told something and ends as UNAVAILABLE goes on where it
  /// was: servers let a connection go after some time, and restart.
  func run(_ session: Session) async throws(CommandFailure) {
    let client = V1.CallDispatchServiceClient(channel: session.channel)
    var request = request
    while true {
      let end = try await stream(request, client, session)
      guard let failure = end.failure else { return }
      guard case .call(let error, _) = failure, error.code == .unavailable,
        !end.resumeToken.isEmpty
      else { throw failure }
      request.resumeToken = end.resumeToken
    }
  }

  private func stream(
    _ request: V1.WatchCallsRequest, _ client: V1.CallDispatchServiceClient, _ session: Session
  ) async throws(CommandFailure) -> End {
    // Not tried again by itself: what was printed can't be taken back.
    try await session.call(.never) { (options) async throws(RPCError) -> End in
      try await client.watchCalls(request, options: options) {
        (responses) async throws(RPCError) -> End in
        var end = End()
        do throws(CommandFailure) {
          try await follow(responses, client, session, &end.resumeToken)
        } catch {
          end.failure = error
        }
        return end
      }
    }
  }

  private func follow(
    _ responses: ResponseStream<V1.WatchCallsResponse>, _ client: V1.CallDispatchServiceClient,
    _ session: Session, _ resumeToken: inout String
  ) async throws(CommandFailure) {
    var wasSeen = false
    while let response = try await next(responses) {
      resumeToken = response.resumeToken
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
