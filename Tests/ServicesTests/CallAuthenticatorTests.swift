import API
import Access
import GRPC
import Synchronization
import Telephony
import TestKit
import Testing
import WellKnown

@testable import Services

/// Who is let in, by every way to say who one is.
@Suite struct CallAuthenticatorTests {
  private typealias Agents = Trunkline.V1.AgentServiceMethods

  private let time = ManualTime()
  private let directory = TokenDirectory()
  private let rules = AccessRules(
    methods: [Agents.getAgent: .agentsRead, Agents.createAgent: .agentsWrite],
    open: [.health])

  private func authenticator(
    anonymous: Bool = false, rate: Int? = nil, lookUp: CallAuthenticator.LookUp? = nil,
    onUse: @escaping @Sendable (TokenGrant, Timestamp) -> Void = { _, _ in }
  ) -> CallAuthenticator {
    CallAuthenticator(
      rules: rules, directory: directory, hasher: SHA256TokenHasher(), time: time,
      configuration: .init(admitsAnonymous: anonymous, callRateMax: rate), lookUp: lookUp,
      onUse: onUse)
  }

  /// A new token, in the directory unless told otherwise.
  private func token(
    _ scopes: Scopes = Scopes(.agentsRead), tenant: TenantID = Sample.otherTenant,
    expires: Timestamp? = nil, isKnown: Bool = true
  ) -> (text: TokenText, grant: TokenGrant) {
    let text = TokenText(
      id: APITokenID(at: time.now(), random: SystemIDSource()), random: SystemIDSource())
    let grant = TokenGrant(
      id: text.id, tenant: tenant, scopes: scopes, hash: SHA256TokenHasher().hash(text.secret),
      expireTime: expires)
    if isKnown { directory.put(grant) }
    return (text, grant)
  }

  private func call(
    _ method: MethodDescriptor = Agents.getAgent, _ header: String? = nil,
    identity: PeerIdentity? = nil, peer: String = "ipv4:192.0.2.7:1"
  ) -> AdmissionRequest {
    AdmissionRequest(
      method: method, metadata: header.map { ["authorization": .text($0)] } ?? [:], peer: peer,
      peerIdentity: identity)
  }

  private func reason(_ verdict: AdmissionVerdict) async -> String {
    switch verdict {
    case .admitted: return "admitted"
    case .refused(let error): return Self.reason(error)
    case .undecided(let question):
      do throws(RPCError) {
        _ = try await question()
        return "asked, admitted"
      } catch {
        return "asked, " + Self.reason(error)
      }
    }
  }

  private static func reason(_ error: RPCError) -> String {
    let info: Google.Rpc.ErrorInfo? = error.detail(Google.Rpc.ErrorInfo.self)
    return "\(error.code) \(info?.domain == "trunkline.dev" ? info?.reason ?? "" : "")"
  }

  // MARK: Tokens

  @Test func aTokenSaysWhoCalls() throws {
    let (text, grant) = token()
    let call = call(Agents.getAgent, "Bearer \(text.revealed)")
    guard case .admitted(let value) = authenticator().verdict(on: call) else {
      Issue.record("The call was refused.")
      return
    }
    let caller = try #require(value as? Caller)
    #expect(caller.tenant == grant.tenant)
    #expect(caller.principal == .token(grant.id))
    #expect(caller.peer == "ipv4:192.0.2.7:1")
    #expect(caller.method == "trunkline.v1.AgentService/GetAgent")
  }

  @Test func theSchemeIsReadAsHTTPReadsIt() async {
    let text = token().text.revealed
    let authenticator = authenticator()
    for header in ["Bearer \(text)", "bearer \(text)", "BEARER   \(text)"] {
      #expect(await reason(authenticator.verdict(on: call(Agents.getAgent, header))) == "admitted")
    }
    for header in [
      text, "Basic \(text)", "Bearer", "Bearer ", "", "Bearer \(text) ", "Bearer \(text), x",
      "Bearer \(text.dropLast())B", "Bearer trk_",
    ] {
      let verdict = authenticator.verdict(on: call(Agents.getAgent, header))
      #expect(await reason(verdict) == "UNAUTHENTICATED TOKEN_INVALID", "\(header.prefix(8))")
    }
  }

  @Test func anotherSecretUnderTheSameIDIsRefused() async {
    let (text, _) = token()
    let forged = TokenText(id: text.id, random: SystemIDSource())
    let verdict = authenticator().verdict(on: call(Agents.getAgent, "Bearer \(forged.revealed)"))
    #expect(await reason(verdict) == "UNAUTHENTICATED TOKEN_INVALID")
  }

  @Test func anExpiredTokenIsRefusedAndSaysSoToItsHolderOnly() async {
    let (text, _) = token(expires: time.now().advanced(by: .seconds(60)))
    let authenticator = authenticator()
    let good = call(Agents.getAgent, "Bearer \(text.revealed)")
    #expect(await reason(authenticator.verdict(on: good)) == "admitted")
    time.advance(by: .seconds(60))
    #expect(await reason(authenticator.verdict(on: good)) == "UNAUTHENTICATED TOKEN_EXPIRED")
    let forged = TokenText(id: text.id, random: SystemIDSource())
    let verdict = authenticator.verdict(on: call(Agents.getAgent, "Bearer \(forged.revealed)"))
    #expect(await reason(verdict) == "UNAUTHENTICATED TOKEN_INVALID")
  }

  @Test func aTokenThatIsNotInMemoryIsLookedUpOnce() async {
    let (text, grant) = token(isKnown: false)
    let count = Mutex(0)
    let authenticator = authenticator { id in
      count.withLock { $0 += 1 }
      return id == grant.id ? grant : nil
    }
    let good = call(Agents.getAgent, "Bearer \(text.revealed)")
    #expect(await reason(authenticator.verdict(on: good)) == "asked, admitted")
    #expect(await reason(authenticator.verdict(on: good)) == "admitted")
    #expect(count.withLock { $0 } == 1)
    let (unknown, _) = token(isKnown: false)
    let verdict = authenticator.verdict(on: call(Agents.getAgent, "Bearer \(unknown.revealed)"))
    #expect(await reason(verdict) == "asked, UNAUTHENTICATED TOKEN_INVALID")
    // A scope that is missing is missed after a look-up, too.
    let write = call(Agents.createAgent, "Bearer \(text.revealed)")
    directory.remove(grant.id)
    #expect(
      await reason(authenticator.verdict(on: write)) == "asked, PERMISSION_DENIED SCOPE_MISSING")
  }

  @Test func aStoreThatCannotBeAskedIsNoRefusal() async {
    let (text, _) = token(isKnown: false)
    let authenticator = authenticator { _ in throw CancellationError() }
    let verdict = authenticator.verdict(on: call(Agents.getAgent, "Bearer \(text.revealed)"))
    #expect(await reason(verdict) == "asked, UNAVAILABLE STORE_UNAVAILABLE")
  }

  @Test func aRevokedTokenWorksNoMore() async {
    let (text, grant) = token()
    let authenticator = authenticator { _ in nil }
    let call = call(Agents.getAgent, "Bearer \(text.revealed)")
    #expect(await reason(authenticator.verdict(on: call)) == "admitted")
    directory.remove(grant.id)
    #expect(
      await reason(authenticator.verdict(on: call)) == "asked, UNAUTHENTICATED TOKEN_INVALID")
  }

  @Test func aUseIsToldOnceAMinute() async {
    let (text, _) = token()
    let uses = Mutex<[Timestamp]>([])
    let authenticator = authenticator(onUse: { _, time in uses.withLock { $0.append(time) } })
    let call = call(Agents.getAgent, "Bearer \(text.revealed)")
    for _ in 0..<3 { _ = authenticator.verdict(on: call) }
    time.advance(by: .seconds(61))
    _ = authenticator.verdict(on: call)
    #expect(uses.withLock { $0.count } == 2)
  }

  // MARK: Scopes and rules

  @Test func aScopeThatIsMissingIsNamed() async throws {
    let (text, _) = token()
    let verdict = authenticator().verdict(on: call(Agents.createAgent, "Bearer \(text.revealed)"))
    guard case .refused(let error) = verdict else {
      Issue.record("The call was let in.")
      return
    }
    #expect(error.code == .permissionDenied)
    #expect(error.message.contains("agents:write"))
    let info = try #require(error.detail(Google.Rpc.ErrorInfo.self))
    #expect(info.metadata == ["scope": "agents:write"])
  }

  @Test func aMethodWithoutARuleIsOpenToNobody() async {
    let (text, _) = token(Scopes.all, tenant: .main)
    let header = "Bearer \(text.revealed)"
    let verdict = authenticator(anonymous: true).verdict(on: call(Agents.deleteAgent, header))
    #expect(await reason(verdict) == "PERMISSION_DENIED METHOD_NOT_SERVED")
  }

  @Test func healthAndReflectionHaveTheirOwnSetting() async {
    let health = MethodDescriptor(service: "grpc.health.v1.Health", method: "Check", kind: .unary)
    let reflection = MethodDescriptor(
      service: "grpc.reflection.v1.ServerReflection", method: "ServerReflectionInfo",
      kind: .bidirectionalStreaming)
    let channelz = MethodDescriptor(
      service: "grpc.channelz.v1.Channelz", method: "GetServers", kind: .unary)
    let authenticator = authenticator()
    let mine = "Bearer \(token(Scopes(.callsRead)).text.revealed)"
    let admins = "Bearer \(token(Scopes(.admin)).text.revealed)"
    let operators = "Bearer \(token(Scopes(.admin), tenant: .main).text.revealed)"
    #expect(await reason(authenticator.verdict(on: call(health))) == "admitted")
    #expect(
      await reason(authenticator.verdict(on: call(reflection))) == "UNAUTHENTICATED TOKEN_MISSING")
    #expect(await reason(authenticator.verdict(on: call(reflection, mine))) == "admitted")
    for header in [mine, admins] {
      let verdict = authenticator.verdict(on: call(channelz, header))
      #expect(await reason(verdict) == "PERMISSION_DENIED OPERATOR_ONLY")
    }
    #expect(await reason(authenticator.verdict(on: call(channelz, operators))) == "admitted")
  }

  // MARK: Anonymity and certificates

  @Test func nobodyIsLetInUnlessThatIsAllowed() async throws {
    #expect(
      await reason(authenticator().verdict(on: call())) == "UNAUTHENTICATED TOKEN_MISSING")
    let open = authenticator(anonymous: true)
    guard case .admitted(let value) = open.verdict(on: call()) else {
      Issue.record("The call was refused.")
      return
    }
    let caller = try #require(value as? Caller)
    #expect(caller.principal == .anonymous && caller.tenant == .main && caller.isOperator)
    // A token that is not good is not overlooked.
    #expect(
      await reason(open.verdict(on: call(Agents.getAgent, "Bearer x")))
        == "UNAUTHENTICATED TOKEN_INVALID")
  }

  @Test func aCertificateIsMappedByItsNames() async throws {
    let spiffe = "spiffe://cluster/agent"
    let identity = PeerIdentity(
      subject: "CN=main", dnsNames: ["agent.example"], uris: [spiffe], spiffeID: spiffe)
    let authenticator = authenticator()
    let read = call(identity: identity)
    #expect(await reason(authenticator.verdict(on: read)) == "UNAUTHENTICATED IDENTITY_UNKNOWN")
    let tenant = Sample.otherTenant
    authenticator.use(
      try IdentityTable(parsing: "\(spiffe) \(tenant) agents:read\nCN=main main admin"))
    guard case .admitted(let value) = authenticator.verdict(on: read) else {
      Issue.record("The call was refused.")
      return
    }
    let caller = try #require(value as? Caller)
    #expect(caller.tenant == tenant && caller.principal == .identity(spiffe))
    let write = authenticator.verdict(on: call(Agents.createAgent, identity: identity))
    #expect(await reason(write) == "PERMISSION_DENIED SCOPE_MISSING")
    // A token that is not good is not overlooked for the certificate.
    let both = authenticator.verdict(
      on: call(Agents.getAgent, "Bearer x", identity: identity))
    #expect(await reason(both) == "UNAUTHENTICATED TOKEN_INVALID")
    authenticator.use(.empty)
    #expect(await reason(authenticator.verdict(on: read)) == "UNAUTHENTICATED IDENTITY_UNKNOWN")
  }

  // MARK: Rates

  @Test func failedAttemptsOfAPeerAreLimitedAndGoodOnesAreNot() async {
    let (text, _) = token()
    let asked = Mutex(0)
    let authenticator = authenticator { _ in
      asked.withLock { $0 += 1 }
      return nil
    }
    let limited = "RESOURCE_EXHAUSTED TOO_MANY_FAILED_ATTEMPTS"
    let (unknown, _) = token(isKnown: false)
    var (last, port) = ("", 0)
    // A few come back meanwhile.
    while !last.hasSuffix(limited), port < 4 * AccessLimits.failureBurstMax {
      port += 1
      last = await reason(
        authenticator.verdict(
          on: call(Agents.getAgent, "Bearer \(unknown.revealed)", peer: "ipv4:192.0.2.7:\(port)")))
    }
    #expect(last.hasSuffix(limited))
    #expect(port > AccessLimits.failureBurstMax && asked.withLock { $0 } <= port)
    #expect(
      await reason(authenticator.verdict(on: call(Agents.getAgent, "Bearer \(text.revealed)")))
        == "admitted")
    let elsewhere = call(Agents.getAgent, "Bearer x", peer: "ipv4:192.0.2.8:1")
    #expect(await reason(authenticator.verdict(on: elsewhere)) == "UNAUTHENTICATED TOKEN_INVALID")
  }

  @Test func aGoodTokenIsFoundBehindAnAddressThatFails() async {
    let (text, grant) = token(isKnown: false)
    let authenticator = authenticator { id in id == grant.id ? grant : nil }
    let limited = "RESOURCE_EXHAUSTED TOO_MANY_FAILED_ATTEMPTS"
    var (last, count) = ("", 0)
    while !last.hasSuffix(limited), count < 4 * AccessLimits.failureBurstMax {
      count += 1
      let unknown = token(isKnown: false).text
      last = await reason(
        authenticator.verdict(on: call(Agents.getAgent, "Bearer \(unknown.revealed)")))
    }
    #expect(last.hasSuffix(limited))
    let verdict = authenticator.verdict(on: call(Agents.getAgent, "Bearer \(text.revealed)"))
    #expect(await reason(verdict) == "asked, admitted")
  }

  @Test func callsAtOnceWithOneTokenAreAnsweredByOneLookUp() async {
    let (text, grant) = token(isKnown: false)
    let callCount = 95
    let count = Mutex(0)
    let waiting = Mutex<CallAuthenticator?>(nil)
    let authenticator = authenticator { _ in
      count.withLock { $0 += 1 }
      for _ in 0..<100_000 {
        if waiting.withLock({ $0?.waitingCount }) == callCount - 1 { break }
        await Task.yield()
      }
      return grant
    }
    waiting.withLock { $0 = authenticator }
    let good = call(Agents.getAgent, "Bearer \(text.revealed)")
    let verdicts = (0..<callCount).map { _ in authenticator.verdict(on: good) }
    let reasons = await withTaskGroup(of: String.self) { group in
      for verdict in verdicts { group.addTask { await reason(verdict) } }
      return await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(reasons == ["asked, admitted"])
    #expect(count.withLock { $0 } == 1)
    waiting.withLock { $0 = nil }
  }

  @Test func aTenantsCallsAreLimitedByItself() async {
    let (one, other) = (token(), token(tenant: .main))
    let authenticator = authenticator(rate: 5)
    var reasons: [String] = []
    while reasons.last != "RESOURCE_EXHAUSTED RATE_LIMITED", reasons.count < 1000 {
      let verdict = authenticator.verdict(
        on: call(Agents.getAgent, "Bearer \(one.text.revealed)"))
      reasons.append(await reason(verdict))
    }
    #expect(reasons.prefix(10).allSatisfy { $0 == "admitted" })
    #expect(reasons.last == "RESOURCE_EXHAUSTED RATE_LIMITED")
    let verdict = authenticator.verdict(on: call(Agents.getAgent, "Bearer \(other.text.revealed)"))
    #expect(await reason(verdict) == "admitted")
  }
}

/// Each method of the contract says what its caller must be allowed.
@Suite struct RequiredScopesTests {
  private static let services: [(any Service.Type, [MethodDescriptor])] = [
    (ProviderServiceHandler.self, Trunkline.V1.ProviderServiceMethods.all),
    (PhoneNumberServiceHandler.self, Trunkline.V1.PhoneNumberServiceMethods.all),
    (AgentServiceHandler.self, Trunkline.V1.AgentServiceMethods.all),
    (CallDispatchServiceHandler.self, Trunkline.V1.CallDispatchServiceMethods.all),
    (TokenServiceHandler.self, Trunkline.V1.TokenServiceMethods.all),
    (OperationServiceHandler.self, Trunkline.V1.OperationServiceMethods.all),
    (AuditServiceHandler.self, Trunkline.V1.AuditServiceMethods.all),
    (RouteServiceHandler.self, Trunkline.Internal.V1.RouteServiceMethods.all),
  ]

  @Test func everyMethodHasAKnownScope() {
    for (service, methods) in Self.services {
      #expect(!methods.isEmpty)
      for method in methods {
        let name = service.requiredScopes[method.method]
        #expect(name.flatMap { Scope(rawValue: $0) } != nil, "\(method.path): \(name ?? "none")")
      }
    }
  }

  @Test func theInternalServiceIsForDispatches() {
    #expect(Set(RouteServiceHandler.requiredScopes.values) == ["dispatch"])
  }
}
