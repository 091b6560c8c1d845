internal import HTTPClient
internal import Telephony

/// When a request is sent again, and after how long. Pure.
///
/// twilio-node's rule: only 429, full jitter over 100 ms · 2^n up to 3 s, three tries. What only
/// reads or deletes is sent again after a 5xx or no answer, too.
struct RetryPolicy: Sendable, Hashable {
  /// What a request does, as far as repeating goes.
  enum Repeats: Sendable, Hashable {
    /// It reads or deletes.
    case always
    /// It writes: only when it was not carried out.
    case whenNotDone
    /// It places a call. Somebody else decides.
    case never
  }

  static let triesMax = 3
  static let delayFirst: Duration = .milliseconds(100)
  static let delayMax: Duration = .seconds(3)

  /// The wait before the next try, or nil. `attempt` counts from 1, `random` lies in 0...1.
  static func delay(
    after failure: TwilioFailure, attempt: Int, repeats: Repeats, random: Double
  ) -> Duration? {
    guard attempt < triesMax, mayRepeat(failure, repeats) else { return nil }
    return BackOff(first: delayFirst, longest: delayMax).jitteredDelay(
      afterFailures: attempt, asked: failure.retryAfter, random: random)
  }

  private static func mayRepeat(_ failure: TwilioFailure, _ repeats: Repeats) -> Bool {
    switch (failure.kind, repeats) {
    case (_, .never): false
    case (.throttled, _): true
    case (.down, .always): true
    case (.down, .whenNotDone): failure.effect == .beforeSend
    default: false
    }
  }
}

/// Sends Twilio's requests and repeats what may be repeated. Callable from any executor.
struct TwilioTransport: Sendable {
  let client: any HTTPSending
  let time: any TimeSource

  /// The JSON of a success; every other answer is thrown.
  func send(
    _ request: HTTPRequest, repeats: RetryPolicy.Repeats
  ) async throws(TwilioFailure) -> JSONValue {
    try TwilioAnswers.json(try await exchange(request, repeats: repeats))
  }

  /// A success without a body, or the carrier's word that there is nothing.
  func delete(_ request: HTTPRequest) async throws(TwilioFailure) {
    do {
      _ = try await exchange(request, repeats: .always)
    } catch {
      guard error.isAbsence else { throw error }
    }
  }

  private func exchange(
    _ request: HTTPRequest, repeats: RetryPolicy.Repeats
  ) async throws(TwilioFailure) -> HTTPResponse {
    var attempt = 1
    while true {
      do {
        return try await sendOnce(request)
      } catch {
        let delay = RetryPolicy.delay(
          after: error, attempt: attempt, repeats: repeats, random: .random(in: 0...1))
        guard let delay, !Task.isCancelled else { throw error }
        do { try await time.sleep(for: delay) } catch _ { throw error }
        attempt += 1
      }
    }
  }

  private func sendOnce(_ request: HTTPRequest) async throws(TwilioFailure) -> HTTPResponse {
    let response: HTTPResponse
    do {
      response = try await client.send(request)
    } catch {
      throw TwilioFailure(error)
    }
    guard (200...299).contains(response.status) else { throw TwilioFailure(response) }
    return response
  }
}
