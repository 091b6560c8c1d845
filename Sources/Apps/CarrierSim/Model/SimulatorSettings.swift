/// What holds for the whole simulator.
package struct SimulatorSettings: Sendable, Hashable {
  /// Where a call lands while a route's change is on its way.
  package enum DuringPropagation: String, Sendable, CaseIterable { case old, new, alternate }

  package var routePropagation: Duration = .zero
  package var duringPropagation: DuringPropagation = .alternate
  /// From a call's making until lists show it.
  package var listingDelay: Duration = .zero
  /// Per account and region; Twilio's own is 1. 0 has no queue.
  package var callsPerSecond: Double = 1
  /// From a call's end until its price is known; nil for never.
  package var priceDelay: Duration? = .seconds(2)
  package var webhookTimeout: Duration = .seconds(15)
  package var ringAfter: Duration = .milliseconds(50)
  package var answerAfter: Duration = .milliseconds(100)
  /// Voice webhooks are sent so many times more, with the same idempotency token.
  package var repeatWebhook = 0
  /// Calls to numbers that begin so are refused (21215).
  package var geoBlockedPrefixes: [String] = []

  package init() {}
  package static let defaults = SimulatorSettings()
}

/// The bounds of what the simulator keeps and does.
enum SimulatorLimits {
  /// Calls kept; the oldest that is over goes first.
  static let callCountMax = 50_000
  static let accountCountMax = 10_000
  static let keyCountMax = 20_000
  static let numberCountMax = 100_000
  static let farEndCountMax = 10_000
  static let faultCountMax = 1000
  /// Trunks of an account in a region (21249).
  static let trunkCountMax = 100
  /// Origination URLs of a trunk.
  static let originationCountMax = 10
  /// Lists of credentials, of addresses and SIP domains, each, of an account in a region (21242).
  static let sipListCountMax = 100
  /// Credentials or addresses of a list (21244).
  static let sipEntryCountMax = 1000
  /// Trunks of a kind, rules, rooms, dispatches or calls at LiveKit.
  static let livekitEntryCountMax = 10_000
  /// What one page of LiveKit's lists holds at most.
  static let livekitPageMax = 1000
  /// Events that wait for their time.
  static let agendaCountMax = 500_000
  /// Webhooks on their way.
  static let webhookCountMax = 50_000
  /// Documents that one call may be redirected through.
  static let redirectCountMax = 50
  /// Callbacks are repeated at most so often.
  static let repeatCountMax = 100
  /// Twilio drops a call that waited so long for its turn.
  static let queueTimeMax: Duration = .seconds(86400)
}
