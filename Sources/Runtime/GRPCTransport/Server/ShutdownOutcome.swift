/// How a server's shutdown went.
package struct ShutdownOutcome: Hashable, Sendable {
  /// How many handlers were cancelled and did not end in time. They are given up: what they do
  /// after their loop's stop has no effect.
  package var abandonedHandlerCount = 0
  /// Loops that did not answer, since a handler keeps their thread. They can't be stopped: waiting
  /// for them would be waiting for ever.
  package var blockedLoops: [String] = []

  package init() {}

  /// Whether the loops may be stopped.
  package var mayStopLoops: Bool { blockedLoops.isEmpty }
}
