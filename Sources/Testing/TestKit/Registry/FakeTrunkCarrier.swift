package import Registry
internal import Synchronization
package import Telephony

/// The trunks of a carrier in memory, beside its numbers.
///
/// A domain is taken once over all accounts; a list that a trunk uses and a trunk that has numbers
/// are not deleted; what hangs on a trunk goes with it.
package final class FakeTrunkCarrier: TrunkCarrier {
  private struct Place: Hashable {
    var account: AccountSID
    var region: Region

    init(_ access: CarrierAccess) {
      account = access.accountSID
      region = access.region
    }
  }

  private struct Trunk {
    var place: Place
    var name: String
    var domain: String
    var urls: [OriginationURLSID: (name: String, url: String, isEnabled: Bool)] = [:]
    var lists: Set<CredentialListSID> = []
  }

  private struct List {
    var place: Place
    var name: String
    var credentials: [String: Secret] = [:]
  }

  private struct State {
    var trunks: [CarrierTrunkSID: Trunk] = [:]
    var lists: [CredentialListSID: List] = [:]
    var made: UInt64 = 0

    mutating func makeSID<Kind: IdentifierKind>(_ kind: Kind.Type) -> HexIdentifier<Kind> {
      made += 1
      return HexIdentifier(high: 0, low: made)
    }
  }

  private let numbers: FakeCarrier
  private let state = Mutex(State())

  /// - Parameter numbers: the same carrier's numbers: an outage of it is one of the trunks, too.
  package init(_ numbers: FakeCarrier) { self.numbers = numbers }

  // MARK: What a test looks at and does behind our back

  /// All that is there, one line each, sorted.
  package var inventory: [String] {
    state.withLock { state in
      let trunks = state.trunks.values.flatMap { trunk in
        ["trunk \(trunk.name) \(trunk.domain)"]
          + trunk.urls.values.map { "url \($0.name) \($0.url)" }
          + trunk.lists.map { "list \(state.lists[$0]?.name ?? "") on \(trunk.name)" }
      }
      let lists = state.lists.values.flatMap { list in
        ["list \(list.name)"] + list.credentials.keys.map { "credential \($0) in \(list.name)" }
      }
      return (trunks + lists).sorted()
    }
  }

  /// The password of a credential; nil when there is none of that user.
  package func password(of username: String) -> Secret? {
    state.withLock { state in
      state.lists.values.compactMap { $0.credentials[username] }.first
    }
  }

  /// Removes a trunk with all that hangs on it.
  package func remove(_ trunk: CarrierTrunkSID) {
    state.withLock { $0.trunks[trunk] = nil }
  }

  /// Sends the inbound calls of all trunks elsewhere.
  package func redirect(to url: String) {
    state.withLock { state in
      for sid in state.trunks.keys {
        for place in state.trunks[sid]?.urls.keys.map({ $0 }) ?? [] {
          state.trunks[sid]?.urls[place]?.url = url
        }
      }
    }
  }

  // MARK: The port

  package func findTrunk(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunkSID? {
    try perform(access) { state throws(CarrierError) in
      state.trunks.first { $0.value.name == name && $0.value.place == Place(access) }?.key
    }
  }

  package func createTrunk(
    named name: String, domain: String, isSecure: Bool, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunkSID {
    try perform(access) { state throws(CarrierError) in
      guard !state.trunks.values.contains(where: { $0.domain == domain }) else {
        throw CarrierError(.conflict, effect: .refused, code: 21248)
      }
      let sid = state.makeSID(CarrierTrunkSIDKind.self)
      state.trunks[sid] = Trunk(place: Place(access), name: name, domain: domain)
      return sid
    }
  }

  package func deleteTrunk(
    _ sid: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    let isInUse = numbers.isInUse(sid)
    try perform(access) { state throws(CarrierError) in
      guard !isInUse else { throw CarrierError(.conflict, effect: .refused, code: 21247) }
      state.trunks[sid] = nil
    }
  }

  package func findOriginationURL(
    named name: String, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierOriginationURL? {
    try perform(access) { state throws(CarrierError) in
      try Self.trunk(trunk, state, access).urls.first { $0.value.name == name }.map {
        CarrierOriginationURL(
          sid: $0.key, sipURL: $0.value.url, isEnabled: $0.value.isEnabled)
      }
    }
  }

  package func createOriginationURL(
    named name: String, sipURL: String, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> OriginationURLSID {
    try perform(access) { state throws(CarrierError) in
      _ = try Self.trunk(trunk, state, access)
      let sid = state.makeSID(OriginationURLSIDKind.self)
      state.trunks[trunk]?.urls[sid] = (name, sipURL, true)
      return sid
    }
  }

  package func deleteOriginationURL(
    _ sid: OriginationURLSID, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try perform(access) { state throws(CarrierError) in state.trunks[trunk]?.urls[sid] = nil }
  }

  package func findCredentialList(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CredentialListSID? {
    try perform(access) { state throws(CarrierError) in
      state.lists.first { $0.value.name == name && $0.value.place == Place(access) }?.key
    }
  }

  package func createCredentialList(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CredentialListSID {
    try perform(access) { state throws(CarrierError) in
      let sid = state.makeSID(CredentialListSIDKind.self)
      state.lists[sid] = List(place: Place(access), name: name)
      return sid
    }
  }

  package func deleteCredentialList(
    _ sid: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try perform(access) { state throws(CarrierError) in
      guard !state.trunks.values.contains(where: { $0.lists.contains(sid) }) else {
        throw CarrierError(.conflict, effect: .refused, code: 21241)
      }
      state.lists[sid] = nil
    }
  }

  package func hasCredential(
    _ username: String, in list: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> Bool {
    try perform(access) { state throws(CarrierError) in
      try Self.list(list, state, access).credentials[username] != nil
    }
  }

  package func createCredential(
    _ username: String, password: Secret, in list: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try perform(access) { state throws(CarrierError) in
      guard try Self.list(list, state, access).credentials[username] == nil else {
        throw CarrierError(.conflict, effect: .refused, code: 21240)
      }
      state.lists[list]?.credentials[username] = password
    }
  }

  package func isAttached(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> Bool {
    try perform(access) { state throws(CarrierError) in
      try Self.trunk(trunk, state, access).lists.contains(list)
    }
  }

  package func attach(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try perform(access) { state throws(CarrierError) in
      _ = try Self.trunk(trunk, state, access)
      _ = try Self.list(list, state, access)
      state.trunks[trunk]?.lists.insert(list)
    }
  }

  package func detach(
    _ list: CredentialListSID, from trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    _ = try perform(access) { state throws(CarrierError) in
      state.trunks[trunk]?.lists.remove(list)
    }
  }

  package func attach(
    _ number: CarrierNumberSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    _ = try state.withLock { state throws(CarrierError) in
      try Self.trunk(trunk, state, access)
    }
    try numbers.attach(number, to: trunk, access)
  }

  // MARK: -

  private static let missing = CarrierError(.notFound, effect: .refused, code: 20404)

  private func perform<Result: Sendable>(
    _ access: CarrierAccess, _ body: (inout State) throws(CarrierError) -> Result
  ) throws(CarrierError) -> Result {
    try numbers.admit(access)
    return try state.withLock { state throws(CarrierError) in try body(&state) }
  }

  private static func trunk(
    _ sid: CarrierTrunkSID, _ state: State, _ access: CarrierAccess
  ) throws(CarrierError) -> Trunk {
    guard let trunk = state.trunks[sid], trunk.place == Place(access) else { throw missing }
    return trunk
  }

  private static func list(
    _ sid: CredentialListSID, _ state: State, _ access: CarrierAccess
  ) throws(CarrierError) -> List {
    guard let list = state.lists[sid], list.place == Place(access) else { throw missing }
    return list
  }
}
