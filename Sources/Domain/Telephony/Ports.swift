/// Wall-clock time and waiting, as a port so that tests hold time in their hand.
///
/// An implementation is callable from any executor and never blocks a thread.
package protocol TimeSource: Sendable {
  /// The present wall-clock time. It may step backwards when the machine's clock is set.
  func now() -> Timestamp

  /// A clock that never steps and goes on while the machine sleeps. Only the difference of two
  /// readings of one process says something.
  func uptime() -> Duration

  /// Returns when `duration` has passed by a clock that does not step.
  ///
  /// Throws as soon as the calling task is cancelled. Zero or less returns at once.
  func sleep(for duration: Duration) async throws(CancellationError)
}

/// Random bits for identifiers, as a port so that tests know every id.
package protocol IDSource: Sendable {
  /// 64 fresh random bits from a source that can't be guessed.
  func randomBits() -> UInt64
}

/// Identifiers from the operating system's random numbers.
package struct SystemIDSource: IDSource {
  package init() {}

  package func randomBits() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }
}

/// What a numbering plan says about a number.
package struct NumberAssessment: Sendable, Hashable {
  /// The length fits the country's plan. Only a number that is not *possible* is refused: whether a
  /// possible number exists, the carrier decides.
  package var isPossible: Bool
  /// An emergency number, or one that reaches it; never dialled.
  package var isEmergency: Bool
  /// Charged above the normal rate.
  package var isPremium: Bool
  /// ISO 3166 code of the country, `US` for a number of the United States and never for all of +1.
  package var country: String?

  package init(
    isPossible: Bool, isEmergency: Bool = false, isPremium: Bool = false, country: String? = nil
  ) {
    self.isPossible = isPossible
    self.isEmergency = isEmergency
    self.isPremium = isPremium
    self.country = country
  }
}

/// The world's numbering plans, as a port. Answers from memory, from any executor.
package protocol NumberPlan: Sendable {
  func assess(_ number: E164) -> NumberAssessment
}
