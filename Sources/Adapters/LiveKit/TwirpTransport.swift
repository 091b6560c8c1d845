internal import HTTPClient
internal import Protobuf
internal import Registry
internal import Telephony

/// Sends Twirp requests and repeats what may be repeated. Callable from any executor.
///
/// Source: twitchtv.github.io/twirp/docs/spec_v7.html.
struct TwirpTransport: Sendable {
  /// What a request does, as far as repeating goes.
  enum Repeats: Sendable, Hashable {
    /// It reads or deletes.
    case always
    /// It makes or changes something: only when it was not carried out.
    case whenNotDone
  }

  static let triesMax = 3
  static let delayFirst: Duration = .milliseconds(100)
  static let delayMax: Duration = .seconds(3)
  static let contentType = "application/protobuf"

  let client: any HTTPSending
  let time: any TimeSource

  /// What the server answers to `method` of its SIP service.
  func call<Answer: GeneratedMessage>(
    _ method: String, _ request: some GeneratedMessage, repeats: Repeats, _ access: GatewayAccess
  ) async throws(CarrierError) -> Answer {
    var attempt = 1
    while true {
      do {
        return try await sendOnce(method, request, access)
      } catch {
        let delay = Self.delay(
          after: error, attempt: attempt, repeats: repeats, random: .random(in: 0...1))
        guard let delay, !Task.isCancelled else { throw error }
        do { try await time.sleep(for: delay) } catch _ { throw error }
        attempt += 1
      }
    }
  }

  /// The wait before the next try, or nil. `attempt` counts from 1, `random` lies in 0...1.
  static func delay(
    after error: CarrierError, attempt: Int, repeats: Repeats, random: Double
  ) -> Duration? {
    guard attempt < triesMax else { return nil }
    let mayRepeat =
      switch error.kind {
      case .limited: true
      case .unavailable: repeats == .always || error.effect == .beforeSend
      default: false
      }
    guard mayRepeat else { return nil }
    return BackOff(first: delayFirst, longest: delayMax).jitteredDelay(
      afterFailures: attempt, asked: error.retryAfter, random: random)
  }

  private func sendOnce<Answer: GeneratedMessage>(
    _ method: String, _ request: some GeneratedMessage, _ access: GatewayAccess
  ) async throws(CarrierError) -> Answer {
    // Made anew for each try: the one before may be over by now.
    let token = AccessToken.make(.sipAdmin, access, now: time.now())
    let response: HTTPResponse
    do {
      response = try await client.send(
        HTTPRequest(
          .post, access.url + "/twirp/livekit.SIP/" + method,
          headers: [
            .init("Authorization", "Bearer " + token), .init("Content-Type", Self.contentType),
          ], body: request.serialized()))
    } catch {
      throw CarrierError(error)
    }
    guard response.status == 200 else {
      throw CarrierError(response, access, now: time.now())
    }
    // No bytes at all are a message, too, so that something else's empty page would be a list.
    guard response.header("content-type") == Self.contentType else {
      throw .unreadable("The server's answer is not Twirp.")
    }
    do throws(DecodingError) {
      return try Answer(serialized: response.body)
    } catch {
      throw .unreadable("The server's answer can't be decoded.")
    }
  }
}
