internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  private static let resumeToken: Option<String?> = .optional(
    "resume-token", .text("TOKEN"), "Begin where an earlier watch stopped.")

  static let watchNumbers = Command<SessionAction>.action(
    "watch", "Shows numbers as they are, then each change, until it is interrupted.",
    discussion: "As JSON each line has the resume token that begins after it. It goes on over a "
      + "restart of the server.",
    options: [resumeToken]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.WatchPhoneNumbersRequest(
      resumeToken: try arguments.value(resumeToken) ?? "")
    return SessionAction { (session) async throws(CommandFailure) in
      try await PhoneNumberWatch(request: request).run(session)
    }
  }
}

/// Follows the tenant's numbers.
private struct PhoneNumberWatch: Sendable {
  let request: V1.WatchPhoneNumbersRequest

  /// How one stream ended.
  private struct End: Sendable {
    /// `nil`: the server has no more to say.
    var failure: CommandFailure?
    /// Where the next stream begins; empty if this one said nothing.
    var resumeToken = ""
  }

  /// Prints until the end. Once something was told, a stream that ends as UNAVAILABLE goes on where
  /// it was, as soon as there is a server again.
  func run(_ session: Session) async throws(CommandFailure) {
    let client = V1.PhoneNumberServiceClient(channel: session.channel)
    var request = request
    var (wasTold, delay) = (false, Session.delayFirst)
    while true {
      let end = try await stream(request, client, session)
      guard let failure = end.failure else { return }
      guard case .call(let error, _) = failure, error.code == .unavailable else { throw failure }
      if !end.resumeToken.isEmpty {
        (wasTold, delay, request.resumeToken) = (true, Session.delayFirst, end.resumeToken)
      }
      guard wasTold else { throw failure }
      await session.pause(delay)
      delay = min(delay * 2, Session.delayMax)
    }
  }

  private func stream(
    _ request: V1.WatchPhoneNumbersRequest, _ client: V1.PhoneNumberServiceClient,
    _ session: Session
  ) async throws(CommandFailure) -> End {
    var end = End()
    do throws(CommandFailure) {
      // Not tried again by itself: what was printed can't be taken back.
      end = try await session.call(.never) { (options) async throws(RPCError) -> End in
        try await client.watchPhoneNumbers(request, options: options) {
          (responses) async throws(RPCError) -> End in
          var end = End()
          do throws(CommandFailure) {
            try await follow(responses, session, &end.resumeToken)
          } catch {
            end.failure = error
          }
          return end
        }
      }
    } catch {
      end.failure = error
    }
    return end
  }

  private func follow(
    _ responses: ResponseStream<V1.WatchPhoneNumbersResponse>, _ session: Session,
    _ resumeToken: inout String
  ) async throws(CommandFailure) {
    while let response = try await next(responses) {
      resumeToken = response.resumeToken
      try session.show(response) { Self.line($0) }
    }
  }

  private func next(
    _ responses: ResponseStream<V1.WatchPhoneNumbersResponse>
  ) async throws(CommandFailure) -> V1.WatchPhoneNumbersResponse? {
    do throws(RPCError) {
      return try await responses.next()
    } catch {
      throw .call(error, requestID: nil)
    }
  }

  /// One step on one line; nothing for those that only bring a token.
  private static func line(_ step: V1.WatchPhoneNumbersResponse) -> String {
    guard let number = step.phoneNumber else { return "" }
    var words = [shortName(step.kind, prefix: "KIND_"), number.id]
    if step.kind != .deleted {
      let address =
        switch number.address {
        case .e164(let text): text
        case nil: ""
        }
      let agent =
        switch number.assignee {
        case .agentID(let id), .softphoneID(let id): "→ \(id)"
        case nil: ""
        }
      words += [address, number.region.text, shortName(number.state, prefix: "STATE_"), agent]
    }
    return words.filter { !$0.isEmpty }.map(Table.printable).joined(separator: " ") + "\n"
  }
}
