package import Registry
internal import Synchronization
package import Telephony

/// A carrier in memory that knows regions: a key is good in its own region only, a number has one
/// record in each region, and one inbound processing region.
package final class FakeCarrier: Carrier {
  /// A write that was done, in the order of the writes.
  package enum Write: Sendable, Hashable {
    case configured(CarrierNumberSID, Region, voiceURL: String)
    case routed(E164, Region)
  }

  private struct Key: Hashable {
    var account: AccountSID
    var region: Region
    var sid: APIKeySID
  }

  private struct AccountRegion: Hashable {
    var account: AccountSID
    var region: Region
  }

  private struct Number {
    var account: AccountSID
    var sid: CarrierNumberSID
    var e164: E164
    var hasVoice: Bool
    /// The number itself where nobody named it.
    var friendlyName: String?
    var records: [Region: VoiceSettings] = [:]
  }

  private struct State {
    var keys: [Key: Secret] = [:]
    var tokens: [AccountRegion: Secret] = [:]
    /// Numbers that a key can't reach though it belongs to the account.
    var hidden: [APIKeySID: Set<CarrierNumberSID>] = [:]
    var suspended: Set<AccountSID> = []
    var numbers: [CarrierNumberSID: Number] = [:]
    var order: [CarrierNumberSID] = []
    var regions: [E164: Region] = [:]
    var writes: [Write] = []
    var requests = 0
    var outage: CarrierError?
    var outageStart = 0
  }

  private let state = Mutex(State())

  package init() {}

  // MARK: What a test sets

  package func addKey(
    _ sid: APIKeySID, secret: String, account: AccountSID, region: Region
  ) {
    state.withLock { $0.keys[Key(account: account, region: region, sid: sid)] = Secret(secret) }
  }

  package func removeKey(_ sid: APIKeySID, account: AccountSID, region: Region) {
    state.withLock { $0.keys[Key(account: account, region: region, sid: sid)] = nil }
  }

  package func setToken(_ token: String, account: AccountSID, region: Region) {
    state.withLock {
      $0.tokens[AccountRegion(account: account, region: region)] = Secret(token)
    }
  }

  package func addNumber(
    _ sid: CarrierNumberSID, _ e164: E164, account: AccountSID, hasVoice: Bool = true,
    voice: [Region: VoiceSettings] = [:], processingRegion: Region? = nil
  ) {
    state.withLock { state in
      state.numbers[sid] = Number(
        account: account, sid: sid, e164: e164, hasVoice: hasVoice, records: voice)
      state.order.append(sid)
      state.regions[e164] = processingRegion
    }
  }

  package func removeNumber(_ sid: CarrierNumberSID) {
    state.withLock { state in
      state.numbers[sid] = nil
      state.order.removeAll { $0 == sid }
    }
  }

  /// Changes a record behind our back.
  package func overwrite(_ sid: CarrierNumberSID, region: Region, with voice: VoiceSettings) {
    state.withLock { $0.numbers[sid]?.records[region] = voice }
  }

  /// Changes what a number can do, or its name, behind our back.
  package func change(
    _ sid: CarrierNumberSID, hasVoice: Bool? = nil, friendlyName: String? = nil
  ) {
    state.withLock { state in
      guard var number = state.numbers[sid] else { return }
      number.hasVoice = hasVoice ?? number.hasVoice
      number.friendlyName = friendlyName ?? number.friendlyName
      state.numbers[sid] = number
    }
  }

  /// Moves a number's inbound processing behind our back.
  package func overwriteProcessingRegion(_ region: Region, of e164: E164) {
    state.withLock { $0.regions[e164] = region }
  }

  package func hide(_ sids: [CarrierNumberSID], from key: APIKeySID) {
    state.withLock { $0.hidden[key, default: []].formUnion(sids) }
  }

  package func suspend(_ account: AccountSID) {
    state.withLock { _ = $0.suspended.insert(account) }
  }

  /// Every request fails so until it is set to nil, after `requests` more that succeed.
  package func setOutage(_ error: CarrierError?, after requests: Int = 0) {
    state.withLock { state in
      state.outage = error
      state.outageStart = state.requests + requests
    }
  }

  // MARK: What a test looks at

  package func voice(_ sid: CarrierNumberSID, region: Region) -> VoiceSettings? {
    state.withLock { state in state.numbers[sid].map { $0.records[region] ?? VoiceSettings() } }
  }

  /// nil when it was never set.
  package func processingRegion(of e164: E164) -> Region? {
    state.withLock { $0.regions[e164] }
  }

  package var writes: [Write] { state.withLock { $0.writes } }
  package var requestCount: Int { state.withLock { $0.requests } }

  // MARK: The port

  package func probe(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID {
    try perform { state throws(CarrierError) in
      try Self.authenticate(access, &state)
      return access.accountSID
    }
  }

  package func owner(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID {
    try perform { state throws(CarrierError) in
      switch access.credentials {
      case .apiKey(let sid, let secret):
        let found = state.keys.first {
          $0.key.sid == sid && $0.key.region == access.region && $0.value == secret
        }
        if let found { return found.key.account }
      case .authToken:
        try Self.authenticate(access, &state)
        return access.accountSID
      }
      throw CarrierError(.credentialsRefused, effect: .refused, code: 20003)
    }
  }

  package func listNumbers(
    from token: String?, size: Int, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumberPage {
    try perform { state throws(CarrierError) in
      try Self.authenticate(access, &state)
      let start = token.flatMap { Int($0) } ?? 0
      let all = state.order.compactMap { state.numbers[$0] }
        .filter { $0.account == access.accountSID }
      let page = all.dropFirst(start).prefix(size)
      let end = start + page.count
      return CarrierNumberPage(
        numbers: page.map { Self.view($0, access) }, next: end < all.count ? String(end) : nil)
    }
  }

  package func findNumber(
    _ e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber? {
    try perform { state throws(CarrierError) in
      try Self.authenticate(access, &state)
      return state.numbers.values
        .first { $0.e164 == e164 && $0.account == access.accountSID }
        .map { Self.view($0, access) }
    }
  }

  package func fetchNumber(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try perform { state throws(CarrierError) in
      try Self.authenticate(access, &state)
      return Self.view(try Self.number(sid, access, state), access)
    }
  }

  package func configureNumber(
    _ sid: CarrierNumberSID, voice: VoiceSettings, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try perform { state throws(CarrierError) in
      try Self.authenticate(access, &state)
      var number = try Self.number(sid, access, state)
      number.records[access.region] = voice
      state.numbers[sid] = number
      state.writes.append(.configured(sid, access.region, voiceURL: voice.voiceURL))
      return Self.view(number, access)
    }
  }

  package func processingRegion(
    of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> Region? {
    try perform { state throws(CarrierError) in
      try Self.authenticate(access, &state)
      return state.regions[e164]
    }
  }

  package func setProcessingRegion(
    _ region: Region, of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try perform { state throws(CarrierError) in
      try Self.authenticate(access, &state)
      state.regions[e164] = region
      state.writes.append(.routed(e164, region))
    }
  }

  // MARK: For trunks

  /// A request of the same account to another of the carrier's interfaces.
  func admit(_ access: CarrierAccess) throws(CarrierError) {
    try perform { state throws(CarrierError) in try Self.authenticate(access, &state) }
  }

  /// Sends a number's calls to a trunk, which takes an application away.
  func attach(
    _ sid: CarrierNumberSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) throws(CarrierError) {
    try perform { state throws(CarrierError) in
      try Self.authenticate(access, &state)
      var number = try Self.number(sid, access, state)
      var voice = number.records[access.region] ?? VoiceSettings()
      voice.trunkSID = trunk.description
      voice.applicationSID = ""
      number.records[access.region] = voice
      state.numbers[sid] = number
    }
  }

  /// Whether any number is on the trunk.
  func isInUse(_ trunk: CarrierTrunkSID) -> Bool {
    state.withLock { state in
      state.numbers.values.contains { number in
        number.records.values.contains { $0.trunkSID == trunk.description }
      }
    }
  }

  private func perform<Result: Sendable>(
    _ body: (inout State) throws(CarrierError) -> Result
  ) throws(CarrierError) -> Result {
    try state.withLock { state throws(CarrierError) in
      state.requests += 1
      if let outage = state.outage, state.requests > state.outageStart { throw outage }
      return try body(&state)
    }
  }

  private static func authenticate(
    _ access: CarrierAccess, _ state: inout State
  ) throws(CarrierError) {
    let good =
      switch access.credentials {
      case .apiKey(let sid, let secret):
        state.keys[Key(account: access.accountSID, region: access.region, sid: sid)] == secret
      case .authToken(let token):
        state.tokens[AccountRegion(account: access.accountSID, region: access.region)] == token
      }
    guard good else { throw CarrierError(.credentialsRefused, effect: .refused, code: 20003) }
    guard !state.suspended.contains(access.accountSID) else {
      throw CarrierError(.accountInactive, effect: .refused, code: 20005)
    }
  }

  private static func number(
    _ sid: CarrierNumberSID, _ access: CarrierAccess, _ state: State
  ) throws(CarrierError) -> Number {
    if case .apiKey(let key, _) = access.credentials, state.hidden[key]?.contains(sid) == true {
      throw CarrierError(.notFound, effect: .refused, code: 20404)
    }
    guard let number = state.numbers[sid], number.account == access.accountSID else {
      throw CarrierError(.notFound, effect: .refused, code: 20404)
    }
    return number
  }

  private static func view(_ number: Number, _ access: CarrierAccess) -> CarrierNumber {
    CarrierNumber(
      sid: number.sid, accountSID: number.account, e164: number.e164,
      friendlyName: number.friendlyName ?? number.e164.text, hasVoice: number.hasVoice,
      voice: number.records[access.region] ?? VoiceSettings())
  }
}
