internal import Telephony

/// Calls at the carrier, some of them with staged credentials first, to see whether they work.
///
/// A request that the carrier refused because of the staged credentials did nothing, and is made
/// once more, with the current ones. Whatever else comes of it stands, an unknown outcome too: no
/// dial is sent twice but upon that refusal.
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
    case .accepted: note(.answered, staged, lease)
    case .refused(let refusal):
      guard note(refusal, staged, lease) else { break }
      return await base.place(order, with: lease)
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
    do throws(CarrierCallError) {
      let answer = try await body(lease.usingStaged(staged))
      note(.answered, staged, lease)
      return answer
    } catch {
      guard case .refused(let refusal) = error, note(refusal, staged, lease) else { throw error }
      return try await body(lease)
    }
  }

  // MARK: What is noted

  private enum Note { case answered, refused }

  private func turn(_ lease: CredentialLease) -> CredentialLease.Staged? {
    guard let staged = lease.staged,
      uses.takesTurn(lease.provider, staged.mark, at: time.now())
    else { return nil }
    return staged
  }

  private func note(_ note: Note, _ staged: CredentialLease.Staged, _ lease: CredentialLease) {
    switch note {
    case .answered: uses.answered(lease.provider, staged.mark, at: time.now())
    case .refused: uses.refused(lease.provider, staged.mark, at: time.now())
    }
  }

  /// Whether it is the staged credentials that were refused. Another refusal shows that they work;
  /// one that came before they were looked at shows nothing.
  private func note(
    _ refusal: CarrierRefusal, _ staged: CredentialLease.Staged, _ lease: CredentialLease
  ) -> Bool {
    switch refusal.kind {
    case .credentials:
      note(.refused, staged, lease)
      return true
    case .notAllowed, .limit, .invalid, .other: note(.answered, staged, lease)
    case .throttled, .unreachable, .account: break
    }
    return false
  }
}
