package import Access
package import Registry
package import Telephony

/// Resources for tests: small, valid, and different by number.
package enum Sample {
  package static let start = Timestamp(milliseconds: 1_700_000_000_000)
  package static let tenant = TenantID.main
  package static let otherTenant = TenantID(bits: 7)

  package static func time(_ seconds: Int) -> Timestamp { start.advanced(by: .seconds(seconds)) }

  package static func account(_ number: Int) -> AccountSID {
    AccountSID(bits: UInt128(0xa000 + number))
  }
  package static func key(_ number: Int) -> APIKeySID { APIKeySID(bits: UInt128(0xb000 + number)) }
  package static func sid(_ number: Int) -> CarrierNumberSID {
    CarrierNumberSID(bits: UInt128(0xc000 + number))
  }
  package static func providerID(_ number: Int) -> ProviderID {
    ProviderID(bits: UInt128(0xd000 + number))
  }
  package static func numberID(_ number: Int) -> PhoneNumberID {
    PhoneNumberID(bits: UInt128(0xe000 + number))
  }
  package static func operationID(_ number: Int) -> OperationID {
    OperationID(bits: UInt128(0xf000 + number))
  }

  package static func agentID(_ number: Int) throws -> AgentID { try AgentID("agent-\(number)") }

  package static func e164(_ number: Int) throws -> E164 {
    try E164("+1500555" + String(String(10000 + number).dropFirst()))
  }

  package static func provider(
    _ number: Int = 1, account: Int = 1, region: Region = .us1, tenant: TenantID = tenant
  ) -> Provider {
    Provider(
      id: providerID(number), tenant: tenant, displayName: "Provider \(number)", region: region,
      configuration: .twilio(
        TwilioConfiguration(
          accountSID: self.account(account),
          apiKey: SealedAPIKey(
            sid: key(number),
            secret: SealedSecret(keyName: "k1", bytes: [0, 1, 254, 255, UInt8(number & 0xff)])),
          authToken: number.isMultiple(of: 2)
            ? SealedSecret(keyName: "k2", bytes: [UInt8](repeating: 9, count: 60)) : nil)),
      conditions: [
        Condition(
          kind: .credentials, holds: true, reason: "ACCEPTED", message: "Ünïcode \"quoted\"",
          observedTime: time(number))
      ],
      labels: ["team": "blue", "x": ""], revision: Revision(createTime: time(number)))
  }

  /// A secret under a key, of no meaning.
  package static let sealed = SealedSecret(keyName: "k3", bytes: [4, 0, 255])

  /// The provider with its secrets under a data key that `key` seals.
  package static func enveloped(_ provider: Provider, under key: String) -> Provider {
    var next = provider
    let dataKey = SealedDataKey(id: "dk/0", keyName: key, bytes: [7, 0, 255])
    guard case .twilio(var twilio) = provider.configuration else { return provider }
    twilio.apiKey?.secret.keyName = dataKey.id
    twilio.authToken?.keyName = dataKey.id
    next.dataKey = dataKey
    next.configuration = .twilio(twilio)
    return next
  }

  package static func number(
    _ number: Int = 1, provider: Provider, agent: AgentID? = nil,
    state: PhoneNumberState = .active
  ) throws -> PhoneNumber {
    PhoneNumber(
      id: numberID(number), tenant: provider.tenant, label: "Number \(number)",
      e164: try e164(number), provider: provider, carrierSID: sid(number), supportsInbound: true,
      supportsOutbound: !number.isMultiple(of: 2), agentID: agent, state: state,
      labels: ["line": "\(number)"], revision: Revision(createTime: time(number)))
  }

  package static func agent(_ number: Int = 1, tenant: TenantID = tenant) throws -> Agent {
    agent(id: try agentID(number), number, tenant: tenant)
  }

  package static func agent(
    id: AgentID, _ number: Int = 1, tenant: TenantID = tenant
  ) -> Agent {
    Agent(
      id: id, tenant: tenant, displayName: "Agent \(number)",
      connections: [
        AgentConnection(
          region: .ie1, target: .mediaStream(url: "wss://a.test/m", parameters: ["a": "b"])),
        AgentConnection(
          region: nil,
          target: .sip(
            uri: "sip:agent@a.test",
            login: SIPLogin(username: "u", password: SealedSecret(keyName: "k", bytes: [1])))),
        AgentConnection(region: .au1, target: .sip(uri: "sips:b@a.test", login: nil)),
      ],
      labels: ["kind": "test"], revision: Revision(createTime: time(number)))
  }

  package static func tokenID(_ number: Int) -> APITokenID {
    APITokenID(bits: UInt128(0x1_1000 + number))
  }

  /// Every set of filters, with the values of `number`.
  package static func filters(of number: PhoneNumber) -> [PhoneNumberFilter] {
    (0..<16).map { set in
      PhoneNumberFilter(
        agentID: set & 1 == 0 ? nil : number.agentID,
        providerID: set & 2 == 0 ? nil : number.providerID,
        region: set & 4 == 0 ? nil : number.region, state: set & 8 == 0 ? nil : number.state)
    }
  }

  package static func token(_ number: Int = 1, tenant: TenantID = tenant) -> APIToken {
    APIToken(
      id: tokenID(number), tenant: tenant, displayName: "Token \(number)",
      scopes: Scopes([Scope.numbersRead, .callsPlace]),
      hash: TokenHash([UInt8](repeating: UInt8(number & 0xff), count: TokenHash.size)),
      createTime: time(number), expireTime: time(number + 1000), creator: .system)
  }

  package static func audit(
    _ number: Int, tenant: TenantID = tenant, principal: Principal = .anonymous,
    action: AuditAction = .create, kind: AuditResource.Kind = .agent, resource: String = "agent-1"
  ) -> AuditEntry {
    AuditEntry(
      id: AuditEntryID(bits: UInt128(0x2_1000 + number)), time: time(number),
      caller: Caller(
        tenant: tenant, principal: principal, scopes: .all, peer: "ipv4:192.0.2.1:4711",
        method: "trunkline.v1.AgentService/CreateAgent", traceID: nil),
      action: action, resource: AuditResource(kind, resource),
      changes: [AuditChange("display_name", old: "", new: "Ünïcode \"\(number)\"")])
  }

  package static let voice = VoiceSettings(
    voiceURL: "https://former.test/voice", voiceMethod: .get,
    fallbackURL: "https://former.test/fallback", statusCallbackURL: "https://former.test/status")

  package static func write(
    _ changes: [RegistryChange], tenant: TenantID = tenant, request: RequestRecord? = nil,
    at time: Timestamp = start, audit: [AuditEntry] = [], quotas: [Quota] = []
  ) -> SampleWrite {
    SampleWrite(
      tenant: tenant,
      write: RegistryWrite(
        at: time, request: request, changes: changes, audit: audit, quotas: quotas))
  }

  package static func request(
    _ id: String, resource: String = "prv_x", tenant: TenantID = tenant,
    at time: Timestamp = start
  ) -> RequestRecord {
    RequestRecord(
      tenant: tenant, requestID: id, fingerprint: [0, 1, 2, 255], resourceID: resource,
      createTime: time)
  }
}

/// A write with the tenant whose it is.
package struct SampleWrite: Sendable {
  package var tenant: TenantID
  package var write: RegistryWrite
}

extension RegistryStore {
  /// Commits for the write's tenant.
  @discardableResult
  package func commit(_ sample: SampleWrite) async throws(StoreError) -> RegistryReceipt {
    try await tenant(sample.tenant).commit(sample.write)
  }
}

extension Revision {
  /// The revision after one more change a second later.
  package var sampleNext: Revision { next(at: updateTime.advanced(by: .seconds(1))) }
}
