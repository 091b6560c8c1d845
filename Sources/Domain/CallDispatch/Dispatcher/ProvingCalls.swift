internal import Telephony

/// Calls at the carrier, some of them with staged credentials first, to see whether they work.
///
/// A request that was refused because of the staged credentials is made once more, with the
/// current ones: a dial only where the carrier's own code says so (20003, 20006, 20008), not upon
/// a bare 401 or 403. Whatever else comes of it stands, an unknown outcome too. The refusal is held
/// against the staged credentials only where the current ones fare better.
struct ProvingCalls: CarrierCalls {
  private let base: any CarrierCalls
  private let uses: StagedUses
  private let time: any TimeSource

  init(_ base: any CarrierCalls, _ uses: StagedUses, _ time: any TimeSource) {
    self.base = base
    self.uses = uses
    self.time = time
  }

  func place(_ order: DialOrder, with lease: CredentialLease) async -> DialOutcome {
    guard let staged = turn(lease) else { return await base.place(order, with: lease) }
    let outcome = await base.place(order, with: lease.usingStaged(staged))
    switch outcome {
    case .accepted: answered(.create, staged, lease)
    case .refused(let refusal):
      guard refusal.kind == .credentials else {
        note(refusal, .create, staged, lease)
        break
      }
      pause(staged, lease)
      // A bare status may come from what is between, after the carrier made the call.
      guard refusal.isCredentialsByCode else { break }
      let repeated = await base.place(order, with: lease)
      if repeated.showsGoodCredentials { refused(.create, staged, lease) }
      return repeated
    case .unknown: break
    }
    return outcome
  }

  func fetch(
    _ id: CarrierCallSID, with lease: CredentialLease
  ) async throws(CarrierCallError) -> CarrierCall? {
    try await proving(lease) { (lease) async throws(CarrierCallError) in
      try await base.fetch(id, with: lease)
    }
  }

  func list(
    from: E164, to: E164, limit: Int, with lease: CredentialLease
  ) async throws(CarrierCallError) -> [CarrierCall] {
    try await proving(lease) { (lease) async throws(CarrierCallError) in
      try await base.list(from: from, to: to, limit: limit, with: lease)
    }
  }

  func end(
    _ id: CarrierCallSID, as ending: CarrierEnding, with lease: CredentialLease
  ) async throws(CarrierCallError) -> EndOutcome {
    try await proving(lease) { (lease) async throws(CarrierCallError) in
      try await base.end(id, as: ending, with: lease)
    }
  }

  private func proving<Answer>(
    _ lease: CredentialLease,
    _ body: (CredentialLease) async throws(CarrierCallError) -> Answer
  ) async throws(CarrierCallError) -> Answer {
    guard let staged = turn(lease) else { return try await body(lease) }
    let refusal: CarrierRefusal
    do throws(CarrierCallError) {
      let answer = try await body(lease.usingStaged(staged))
      answered(.other, staged, lease)
      return answer
    } catch {
      guard case .refused(let reason) = error else { throw error }
      refusal = reason
    }
    guard refusal.kind == .credentials else {
      note(refusal, .other, staged, lease)
      throw .refused(refusal)
    }
    pause(staged, lease)
    do throws(CarrierCallError) {
      let answer = try await body(lease)
      refused(.other, staged, lease)
      return answer
    } catch {
      if case .refused(let refusal) = error, refusal.showsGoodCredentials {
        refused(.other, staged, lease)
      }
      throw error
    }
  }

  // MARK: What is noted

  private func turn(_ lease: CredentialLease) -> CredentialLease.Staged? {
    guard let staged = lease.staged,
      uses.takesTurn(lease.provider, staged.mark, at: time.now())
    else { return nil }
    return staged
  }

  private func pause(_ staged: CredentialLease.Staged, _ lease: CredentialLease) {
    uses.pause(lease.provider, staged.mark, at: time.now())
  }

  private func answered(
    _ request: CredentialUse.Request, _ staged: CredentialLease.Staged, _ lease: CredentialLease
  ) {
    uses.answered(request, lease.provider, staged.mark, at: time.now())
  }

  private func refused(
    _ request: CredentialUse.Request, _ staged: CredentialLease.Staged, _ lease: CredentialLease
  ) {
    uses.refused(request, lease.provider, staged.mark, at: time.now())
  }

  /// A refusal that is not because of the credentials shows that they work, unless it came before
  /// they were looked at.
  private func note(
    _ refusal: CarrierRefusal, _ request: CredentialUse.Request,
    _ staged: CredentialLease.Staged, _ lease: CredentialLease
  ) {
    if refusal.showsGoodCredentials { answered(request, staged, lease) }
  }
}

extension CarrierRefusal {
  /// The carrier's own words say that it is the credentials: nothing was done.
  fileprivate var isCredentialsByCode: Bool {
    kind == .credentials && code.map { [20003, 20006, 20008].contains($0) } ?? false
  }

  /// It came after the credentials were found good.
  fileprivate var showsGoodCredentials: Bool {
    switch kind {
    case .notAllowed, .limit, .invalid, .other: true
    case .credentials, .throttled, .unreachable, .account: false
    }
  }
}

extension DialOutcome {
  fileprivate var showsGoodCredentials: Bool {
    switch self {
    case .accepted: true
    case .refused(let refusal): refusal.showsGoodCredentials
    case .unknown: false
    }
  }
}
