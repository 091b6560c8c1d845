package import Access
package import GRPC
internal import Synchronization
package import Telephony

/// Finds out who calls, and whether they may, from a call's headers: before its message is decoded.
///
/// In this order: the method's rule; a bearer token, else the client's certificate, else anonymity
/// where that is allowed; the scope; the tenant's rate. A token that is sent and is not good is
/// never overlooked in favour of something else. Answers from memory; only a token that is not
/// there is looked up.
package final class CallAuthenticator: CallAdmission {
  package struct Configuration: Sendable {
    /// Whether a call that says nothing of who makes it is the operator's.
    package var admitsAnonymous: Bool
    /// How many calls a second a tenant may make; nil: as many as it likes.
    package var callRateMax: Int?

    package init(admitsAnonymous: Bool, callRateMax: Int? = nil) {
      self.admitsAnonymous = admitsAnonymous
      self.callRateMax = callRateMax
    }
  }

  /// Asks the store for a token that is not in memory: nil when there is none, or it is revoked.
  /// Throws when the store can't be asked.
  package typealias LookUp = @Sendable (APITokenID) async throws -> TokenGrant?

  private let rules: AccessRules
  private let directory: TokenDirectory
  private let hasher: any TokenHasher
  let time: any TimeSource
  private let configuration: Configuration
  private let lookUp: LookUp?
  private let onUse: @Sendable (TokenGrant, Timestamp) -> Void
  private let identities = Mutex(IdentityTable.empty)
  private let failures: Mutex<TokenBuckets<String>>
  /// nil inside: every tenant may call as often as it likes.
  private let calls: Mutex<TokenBuckets<TenantID>?>
  private let isStopping = Atomic<Bool>(false)
  private let lookUps: TokenLookUps
  /// How often each id was not found.
  private let missing = Mutex(
    TokenBuckets<APITokenID>(
      ratePerSecond: 1, burst: AccessLimits.missingTokenBurstMax,
      keyCountMax: AccessLimits.missingTokensMax))

  /// - Parameters:
  ///   - lookUp: nil where there is no store to ask: the directory is all there is.
  ///   - onUse: told of a token's use at most once a minute, on the call's loop: it must not wait.
  package init(
    rules: AccessRules, directory: TokenDirectory, hasher: any TokenHasher,
    time: any TimeSource, configuration: Configuration, lookUp: LookUp? = nil,
    onUse: @escaping @Sendable (TokenGrant, Timestamp) -> Void = { _, _ in }
  ) {
    self.rules = rules
    self.directory = directory
    lookUps = TokenLookUps(directory)
    self.hasher = hasher
    self.time = time
    self.configuration = configuration
    self.lookUp = lookUp
    self.onUse = onUse
    failures = Mutex(
      TokenBuckets(
        ratePerSecond: Double(AccessLimits.failureRateMax), burst: AccessLimits.failureBurstMax,
        keyCountMax: AccessLimits.failingPeersMax))
    // Twice as much at once as in a second: clients come in bursts.
    calls = Mutex(
      configuration.callRateMax.map { rate in
        TokenBuckets(
          ratePerSecond: Double(rate), burst: rate * 2,
          keyCountMax: AccessLimits.limitedTenantsMax)
      })
  }

  /// Lets in these client certificates from now on, and no others.
  package func use(_ table: IdentityTable) { identities.withLock { $0 = table } }

  /// Admits no more streams, and ends those that look after their caller within
  /// ``StreamAdmission/interval``: the process stops, and can't wait until their callers leave.
  package func endStreams() { isStopping.store(true, ordering: .relaxed) }

  // MARK: The verdict

  package func verdict(on call: AdmissionRequest) -> AdmissionVerdict {
    guard let rule = rules.rule(of: call.method) else { return refuse(.noRule) }
    if case .open = rule { return .admitted(nil) }
    switch credential(of: call) {
    case .bearer(let text): return judge(text, call, rule)
    case .malformed: return fail(.tokenMalformed, call)
    case .certificate(let name, let entry):
      let caller = caller(call, entry.tenant, .identity(name), entry.scopes)
      return admit(caller, call, rule)
    case .none(let hasCertificate):
      guard configuration.admitsAnonymous else {
        return hasCertificate ? fail(.identityUnknown, call) : refuse(.tokenMissing)
      }
      return admit(caller(call, .main, .anonymous, .all), call, rule)
    }
  }

  private enum Credential {
    case bearer(TokenText)
    case malformed
    case certificate(String, IdentityTable.Entry)
    case none(hasCertificate: Bool)
  }

  private func credential(of call: AdmissionRequest) -> Credential {
    if let header = call.metadata["authorization"] {
      let bytes = header.utf8
      guard let space = bytes.firstIndex(of: UInt8(ascii: " ")),
        header[..<space].lowercased() == "bearer",
        let text = try? TokenText(
          parsing: String(Substring(bytes[space...].drop { $0 == UInt8(ascii: " ") })))
      else { return .malformed }
      return .bearer(text)
    }
    guard let peer = call.peerIdentity else { return .none(hasCertificate: false) }
    let table = identities.withLock { $0 }
    guard let match = table.match(peer.uris) ?? table.match(peer.dnsNames) else {
      return .none(hasCertificate: true)
    }
    return .certificate(match.name, match.entry)
  }

  private func judge(
    _ text: TokenText, _ call: AdmissionRequest, _ rule: AccessRules.Rule
  ) -> AdmissionVerdict {
    let hash = hasher.hash(text.secret)
    if let grant = directory.grant(text.id) { return judge(grant, hash, call, rule) }
    guard let lookUp else { return fail(.tokenInvalid, call) }
    // The failures may be another's behind the same address. They bound what is asked for tokens
    // that nobody has; a good one is found all the same.
    let isSuspect = failures.withLock { $0.wait(Self.host(of: call.peer), at: .now) } != nil
    if isSuspect, let wait = missing.withLock({ $0.wait(text.id, at: .now) }) {
      return refuse(.tooManyFailures(wait: wait))
    }
    return .undecided { () async throws(RPCError) in
      switch await self.found(text.id, lookUp, in: isSuspect ? .suspect : .usual) {
      case .failure(let refusal): throw refusal.error
      case .success(let grant):
        if grant == nil { _ = self.missing.withLock { $0.take(text.id, at: .now) } }
        let verdict =
          grant.map { self.judge($0, hash, call, rule) } ?? self.fail(.tokenInvalid, call)
        switch verdict {
        case .admitted(let caller): return caller
        case .refused(let error): throw error
        case .undecided: preconditionFailure("A grant that was found is judged at once.")
        }
      }
    }
  }

  private enum Found {
    case success(TokenGrant?)
    case failure(AccessRefusal)
  }

  private func found(
    _ id: APITokenID, _ lookUp: LookUp, in lane: TokenLookUps.Lane = .usual
  ) async -> Found {
    switch await lookUps.find(id, in: lane, by: lookUp) {
    case .success(let grant): .success(grant)
    case .failure: .failure(.lookUpFailed)
    }
  }

  private func judge(
    _ grant: TokenGrant, _ hash: TokenHash, _ call: AdmissionRequest, _ rule: AccessRules.Rule
  ) -> AdmissionVerdict {
    guard grant.hash.matches(hash) else { return fail(.tokenInvalid, call) }
    let now = time.now()
    guard !grant.isExpired(at: now) else { return fail(.tokenExpired, call) }
    if directory.notesUse(of: grant.id, at: now) { onUse(grant, now) }
    return admit(caller(call, grant.tenant, .token(grant.id), grant.scopes), call, rule)
  }

  private func caller(
    _ call: AdmissionRequest, _ tenant: TenantID, _ principal: Principal, _ scopes: Scopes
  ) -> Caller {
    Caller(
      tenant: tenant, principal: principal, scopes: scopes, peer: call.peer,
      method: "\(call.method.service)/\(call.method.method)")
  }

  private func admit(
    _ caller: Caller, _ call: AdmissionRequest, _ rule: AccessRules.Rule
  ) -> AdmissionVerdict {
    switch rule {
    case .open, .anyCaller: break
    case .operatorOnly:
      guard caller.isOperator else { return refuse(.operatorOnly) }
    case .scope(let scope):
      guard caller.may(scope) else { return refuse(.scopeMissing(scope)) }
    }
    if call.method.kind != .unary, isStopping.load(ordering: .relaxed) {
      return refuse(.stopping)
    }
    let isLimited = configuration.callRateMax != nil
    if isLimited, let wait = calls.withLock({ $0?.take(caller.tenant, at: .now) ?? nil }) {
      return refuse(.rateLimited(wait: wait))
    }
    return .admitted(
      call.method.kind == .unary
        ? caller : StreamAdmission(caller: caller, authenticator: self))
  }

  /// Why a caller who was admitted to a stream would be refused now; nil when they would not, and
  /// while the store can't be asked.
  func refusal(ofAdmitted caller: Caller) async -> AccessRefusal? {
    if isStopping.load(ordering: .relaxed) { return .stopping }
    switch caller.principal {
    case .anonymous, .system: return nil
    case .identity(let name):
      let entry = identities.withLock { $0 }.match(CollectionOfOne(name))?.entry
      let isSame = entry.map { $0.tenant == caller.tenant && $0.scopes == caller.scopes }
      return isSame == true ? nil : .identityUnknown
    case .token(let id):
      var grant = directory.grant(id)
      if grant == nil, let lookUp {
        guard case .success(let found) = await found(id, lookUp) else { return nil }
        grant = found
      }
      guard let grant else { return .tokenInvalid }
      return grant.isExpired(at: time.now()) ? .tokenExpired : nil
    }
  }

  // MARK: Refusals

  private func refuse(_ refusal: AccessRefusal) -> AdmissionVerdict { .refused(refusal.error) }

  /// Refuses an attempt, and counts it for its peer.
  private func fail(_ refusal: AccessRefusal, _ call: AdmissionRequest) -> AdmissionVerdict {
    let wait = failures.withLock { $0.take(Self.host(of: call.peer), at: .now) }
    return refuse(wait.map { .tooManyFailures(wait: $0) } ?? refusal)
  }

  /// Calls that wait for a look-up.
  var waitingCount: Int { lookUps.waitingCount }

  /// The peer without its port: `ipv4:127.0.0.1`.
  private static func host(of peer: String) -> String {
    peer.lastIndex(of: ":").map { String(peer[..<$0]) } ?? peer
  }
}
