/// How calls of a method that failed are made again by the channel (gRFC A6).
///
/// A call is made again only while nothing of its answer has come but a status, and while its
/// requests are still buffered.
package struct RetryPolicy: Hashable, Sendable {
  /// The most attempts of one call that any policy gets.
  package static let attemptsBound = 5

  /// The most attempts of one call, the first one counted: 2 to ``attemptsBound``.
  package let attemptsMax: Int
  /// About how long the second attempt waits; the delays spread by 20 % to both sides.
  package let initialBackOff: Duration
  /// The longest delay, before it is spread.
  package let backOffMax: Duration
  /// How much longer each delay is than the one before.
  package let backOffMultiplier: Double
  /// The statuses after which the call is made again.
  package let retryableCodes: Set<StatusCode>

  /// Makes a policy. More than ``attemptsBound`` attempts count as that many; everything else that
  /// gRFC A6 calls invalid traps.
  package init(
    attemptsMax: Int = 3, initialBackOff: Duration = .milliseconds(100),
    backOffMax: Duration = .seconds(2), backOffMultiplier: Double = 2,
    retryableCodes: Set<StatusCode> = [.unavailable]
  ) {
    precondition(attemptsMax >= 2, "attemptsMax is \(attemptsMax); 2 is the least")
    precondition(
      initialBackOff > .zero && backOffMax > .zero,
      "a back-off is \(initialBackOff), at most \(backOffMax); both are more than 0")
    precondition(
      backOffMultiplier > 0, "backOffMultiplier is \(backOffMultiplier); it is more than 0")
    precondition(
      !retryableCodes.isEmpty && !retryableCodes.contains(.ok), "OK is no code to retry after")
    self.attemptsMax = min(attemptsMax, Self.attemptsBound)
    self.initialBackOff = initialBackOff
    self.backOffMax = backOffMax
    self.backOffMultiplier = backOffMultiplier
    self.retryableCodes = retryableCodes
  }
}

/// Keeps a channel from retrying against a server that mostly fails (gRFC A6, Throttling).
///
/// A failed call takes a token, a good one gives `tokenRatio` of a token. Retries stop while half
/// of the tokens or fewer are left.
package struct RetryThrottling: Hashable, Sendable {
  /// How many tokens there are at first: 1 to 1000.
  package let tokensMax: Double
  /// What a call that does not fail gives back.
  package let tokenRatio: Double

  package init(tokensMax: Double = 10, tokenRatio: Double = 0.1) {
    precondition((1...1000).contains(tokensMax), "tokensMax is \(tokensMax); it is 1 to 1000")
    precondition(tokenRatio > 0, "tokenRatio is \(tokenRatio); it is more than 0")
    self.tokensMax = tokensMax
    self.tokenRatio = tokenRatio
  }
}
