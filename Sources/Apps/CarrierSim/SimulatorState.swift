package import Telephony

/// The whole simulator as a value: requests, webhooks' ends and time go in, actions come out.
///
/// No I/O, clock or lock. Times are the caller's wall clock; `manual` mode of the control API's
/// clock lets them stand still inside.
package struct SimulatorState: Sendable {
  let initialSettings: SimulatorSettings
  var settings: SimulatorSettings
  var callbackPolicy = CallbackPolicy()
  var clock = SimulatedClock()
  var random: RandomSource
  var agenda = Agenda()

  var accounts: [String: Account] = [:]
  var keys: [String: APIKey] = [:]
  var applications: [String: Application] = [:]
  var trunks = Table<Trunk>()
  var credentialLists = Table<CredentialList>()
  var accessLists = Table<AccessList>()
  var sipDomains = Table<SIPDomain>()
  var livekit = LiveKitServer()
  /// By SID.
  var numbers: [String: CarrierNumber] = [:]
  /// SIDs in the order of their making, for lists.
  var numberOrder: [String] = []
  var numberByE164: [String: String] = [:]
  var calls: [String: SimulatedCall] = [:]
  var callOrder: [String] = []
  var farEnds: [String: FarEnd] = [:]
  var faults: [Fault] = []
  var nextFaultID = 1

  /// When the next call of an account may leave the queue in a region.
  var nextDial: [QueueKey: Timestamp] = [:]
  var routeAlternation = false
  var webhooks: [WebhookID: PendingWebhook] = [:]
  var nextWebhookID: WebhookID = 1
  var postsReceived: [String: Int] = [:]
  var callsCreated: [String: Int] = [:]
  var numbersReleased: [String] = []
  var numbersBought: [String] = []
  /// By E.164.
  var stock = Table<AvailableNumber>()

  /// The wall clock of the event at hand.
  var wall = Timestamp(microseconds: 0)
  /// The present moment of the simulation, while an event is handled.
  var now = Timestamp(microseconds: 0)
  /// What the event at hand leads to.
  var actions: [SimulatorAction] = []

  struct QueueKey: Sendable, Hashable {
    let account: String
    let region: Region
  }

  /// The same seed and events give the same identifiers and actions.
  package init(settings: SimulatorSettings = .defaults, seed: UInt64) {
    self.initialSettings = settings
    self.settings = settings
    self.random = RandomSource(seed: seed)
    for number in AvailableNumber.stock { stock[number.phoneNumber] = number }
  }

  // MARK: Events

  /// A request came to a region's address. It is answered or dropped, now or later, exactly once.
  package mutating func requestCame(
    _ id: RequestID, _ request: SimulatorRequest, region: Region, at time: Timestamp
  ) -> [SimulatorAction] {
    handle(at: time) { state in state.take(request, id, .region(region)) }
  }

  /// A request came to LiveKit's address. The same holds.
  package mutating func livekitCame(
    _ id: RequestID, _ request: SimulatorRequest, at time: Timestamp
  ) -> [SimulatorAction] {
    handle(at: time) { state in state.take(request, id, .livekit) }
  }

  /// A request came to the control's address. The same holds.
  package mutating func controlCame(
    _ id: RequestID, _ request: SimulatorRequest, at time: Timestamp
  ) -> [SimulatorAction] {
    handle(at: time) { state in
      if let answer = state.control(request, id) { state.actions.append(.answer(id, answer)) }
    }
  }

  /// A webhook that was to be sent is over. An unknown one is passed over.
  package mutating func webhookEnded(
    _ id: WebhookID, _ outcome: WebhookOutcome, at time: Timestamp
  ) -> [SimulatorAction] {
    handle(at: time) { state in state.endWebhook(id, outcome) }
  }

  /// Time has passed.
  package mutating func timePassed(to time: Timestamp) -> [SimulatorAction] {
    handle(at: time) { _ in }
  }

  /// When ``timePassed(to:)`` has something to do; nil when nothing waits or time stands still.
  package var nextDeadline: Timestamp? { agenda.nextDue.flatMap(clock.wallTime) }

  private mutating func handle(
    at wall: Timestamp, _ event: (inout SimulatorState) -> Void
  ) -> [SimulatorAction] {
    self.wall = wall
    runDue(until: clock.time(at: wall))
    event(&self)
    // The event may have moved the clock.
    runDue(until: clock.time(at: wall))
    defer { actions.removeAll() }
    return actions
  }

  /// Each event sees its own time, so that steps of a long jump keep their distances.
  private mutating func runDue(until end: Timestamp) {
    while let (event, due) = agenda.takeDue(at: end) {
      now = due
      perform(event)
    }
    now = end
  }

  private mutating func perform(_ event: AgendaEvent) {
    switch event {
    case .callLeavesQueue(let sid): callLeavesQueue(sid)
    case .queueTimeOver(let sid): queueTimeOver(sid)
    case .callRings(let sid): callRings(sid)
    case .farEndActs(let sid): farEndActs(sid)
    case .ringTimeOver(let sid): ringTimeOver(sid)
    case .farEndHangsUp(let sid), .timeLimitReached(let sid): endConnection(sid)
    case .callerGivesUp(let sid): callerGivesUp(sid)
    case .verbEnds(let sid, let generation): goOn(sid, generation)
    case .dialledPartyActs(let sid, let generation): dialledPartyActs(sid, generation)
    case .priceKnown(let sid): priceKnown(sid)
    case .sipCallRings(let id): sipCallRings(id)
    case .sipFarEndActs(let id): sipFarEndActs(id)
    case .sipFarEndHangsUp(let id): endSIPCall(id)
    case .requestDue(let id, let request, let door):
      if let answer = process(request, id, door) { actions.append(.answer(id, answer)) }
    case .answerDue(let id, let answer): actions.append(.answer(id, answer))
    case .dropDue(let id): actions.append(.drop(id))
    }
  }

  mutating func schedule(_ event: AgendaEvent, after delay: Duration) {
    agenda.add(event, due: now.advanced(by: max(delay, .zero)))
  }
}

/// The simulation's time: the wall's, moved, or standing still.
struct SimulatedClock: Sendable, Hashable {
  private var offset: Duration = .zero
  private(set) var standing: Timestamp?

  func time(at wall: Timestamp) -> Timestamp { standing ?? wall.advanced(by: offset) }

  /// When the wall's clock reaches `time`; nil while time stands still.
  func wallTime(of time: Timestamp) -> Timestamp? {
    standing == nil ? time.advanced(by: .zero - offset) : nil
  }

  mutating func advance(by duration: Duration) {
    if let time = standing { standing = time.advanced(by: duration) } else { offset += duration }
  }

  mutating func stand(at time: Timestamp) {
    if standing == nil { standing = time }
  }

  /// Goes on from where it stood. `now` is the simulation's present.
  mutating func walk(at now: Timestamp, wall: Timestamp) {
    standing = nil
    offset = now.duration(since: wall)
  }
}
