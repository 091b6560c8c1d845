internal import Telephony

/// Accounts, keys, tokens and what numbers can point at, as the control API makes them.
extension SimulatorState {
  private static let accountMembers = [
    "sid", "friendly_name", "parent", "status", "type", "calls_per_second", "concurrency_max",
    "verified_caller_ids", "auth_tokens", "may_buy",
  ]

  mutating func addAccount(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(request, Self.accountMembers)
    guard accounts.count < SimulatorLimits.accountCountMax else {
      throw .full("accounts", SimulatorLimits.accountCountMax)
    }
    let sid = try body.text("sid") ?? random.sid("AC")
    guard (try? AccountSID(sid)) != nil else { throw .bad("sid is not AC and 32 hex digits.") }
    guard accounts[sid] == nil else { throw ControlError(409, "\(sid) exists already.") }
    var account = newAccount(sid, parent: try body.text("parent"))
    if let parent = account.parent, accounts[parent] == nil { throw .missing(parent) }
    try change(&account, body)
    accounts[sid] = account
    return view(account)
  }

  mutating func changeAccount(
    _ sid: String, _ request: SimulatorRequest
  ) throws(ControlError) -> JSON {
    let body = try ControlBody(request, Self.accountMembers.filter { $0 != "sid" })
    guard var account = accounts[sid] else { throw .missing(sid) }
    try change(&account, body)
    accounts[sid] = account
    return view(account)
  }

  private func change(_ account: inout Account, _ body: ControlBody) throws(ControlError) {
    account.friendlyName = try body.text("friendly_name") ?? account.friendlyName
    account.status = try body.word("status", Account.Status.self) ?? account.status
    account.kind = try body.word("type", Account.Kind.self) ?? account.kind
    account.mayBuy = try body.flag("may_buy") ?? account.mayBuy
    if body.has("calls_per_second") {
      account.callsPerSecond = try body.number("calls_per_second")
    }
    if body.has("concurrency_max") {
      account.concurrencyMax = try body.integer("concurrency_max")
    }
    if let numbers = try body.texts("verified_caller_ids") {
      account.verifiedCallerIDs = Set(numbers)
    }
    for (region, tokens) in try body.byRegion("auth_tokens", ["primary", "secondary"]) {
      try set(&account, region, tokens)
    }
  }

  private func set(
    _ account: inout Account, _ region: Region, _ body: ControlBody
  ) throws(ControlError) {
    if let primary = try body.text("primary") { account.tokens[region]?.primary = primary }
    if body.has("secondary") { account.tokens[region]?.secondary = try body.text("secondary") }
  }

  mutating func setTokens(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request, ["account_sid", "region", "primary", "secondary", "promote"])
    let sid = try body.text(required: "account_sid")
    let region = try body.region(required: "region")
    guard var account = accounts[sid] else { throw .missing(sid) }
    try set(&account, region, body)
    if try body.flag("promote") ?? false {
      guard let secondary = account.tokens[region]?.secondary else {
        throw .bad("There is no secondary token in \(region).")
      }
      account.tokens[region] = Account.Tokens(primary: secondary)
    }
    accounts[sid] = account
    return view(account)
  }

  mutating func addKey(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request, ["account_sid", "region", "kind", "permissions", "sid", "secret"])
    guard keys.count < SimulatorLimits.keyCountMax else {
      throw .full("keys", SimulatorLimits.keyCountMax)
    }
    let account = try body.text(required: "account_sid")
    guard accounts[account] != nil else { throw .missing(account) }
    let region = try body.region(required: "region")
    let kind = try body.word("kind", APIKey.Kind.self) ?? .standard
    guard kind != .restricted || region == .us1 else {
      throw .bad("Restricted keys exist in us1 only.")
    }
    var permissions: Set<APIKey.Permission> = []
    for name in try body.texts("permissions") ?? [] {
      guard let permission = APIKey.Permission(rawValue: name) else {
        throw .bad("\(name) is no permission.")
      }
      permissions.insert(permission)
    }
    let sid = try body.text("sid") ?? random.sid("SK")
    guard (try? APIKeySID(sid)) != nil else { throw .bad("sid is not SK and 32 hex digits.") }
    guard keys[sid] == nil else { throw ControlError(409, "\(sid) exists already.") }
    let key = APIKey(
      sid: sid, secret: try body.text("secret") ?? random.secret(), account: account,
      region: region, kind: kind, permissions: permissions)
    keys[sid] = key
    return view(key)
  }

  mutating func addApplication(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request,
      [
        "account_sid", "region", "sid", "voice_url", "voice_method", "voice_fallback_url",
        "status_callback",
      ])
    let (account, region, sid) = try owner(body, prefix: "AP", applications.count)
    applications[sid] = Application(
      sid: sid, account: account, region: region,
      voice: VoiceTarget(
        url: try body.text("voice_url") ?? "", method: try body.text("voice_method") ?? "POST",
        fallbackURL: try body.text("voice_fallback_url") ?? ""),
      statusCallback: try body.text("status_callback") ?? "")
    return ["sid": .string(sid), "region": .string(region.rawValue)]
  }

  mutating func addTrunk(_ request: SimulatorRequest) throws(ControlError) -> JSON {
    let body = try ControlBody(
      request, ["account_sid", "region", "sid", "friendly_name", "domain_name"])
    let (account, region, sid) = try owner(body, prefix: "TK", trunks.count)
    var trunk = Trunk(sid: sid, account: account, region: region, created: now, updated: now)
    trunk.friendlyName = try body.text("friendly_name") ?? ""
    trunk.domainName = try body.text("domain_name") ?? ""
    trunks[sid] = trunk
    return ["sid": .string(sid), "region": .string(region.rawValue)]
  }

  private mutating func owner(
    _ body: ControlBody, prefix: String, _ count: Int
  ) throws(ControlError) -> (String, Region, String) {
    guard count < SimulatorLimits.keyCountMax else {
      throw .full("of them", SimulatorLimits.keyCountMax)
    }
    let account = try body.text(required: "account_sid")
    guard accounts[account] != nil else { throw .missing(account) }
    let region = try body.region(required: "region")
    return (account, region, try body.text("sid") ?? random.sid(prefix))
  }

  // MARK: Views

  func view(_ account: Account) -> JSON {
    let tokens = Region.allCases.map { region in
      JSON.Member(
        name: region.rawValue,
        value: [
          "primary": JSON(account.tokens[region]?.primary),
          "secondary": JSON(account.tokens[region]?.secondary),
        ])
    }
    return [
      "sid": .string(account.sid), "friendly_name": .string(account.friendlyName),
      "parent": JSON(account.parent), "status": .string(account.status.rawValue),
      "type": .string(account.kind.rawValue),
      "calls_per_second": account.callsPerSecond.map { .double($0) } ?? .null,
      "concurrency_max": JSON(account.concurrencyMax), "may_buy": .bool(account.mayBuy),
      "verified_caller_ids": .array(account.verifiedCallerIDs.sorted().map { .string($0) }),
      "auth_tokens": .object(tokens),
    ]
  }

  func view(_ key: APIKey) -> JSON {
    [
      "sid": .string(key.sid), "secret": .string(key.secret),
      "account_sid": .string(key.account), "region": .string(key.region.rawValue),
      "kind": .string(key.kind.rawValue),
      "permissions": .array(key.permissions.map(\.rawValue).sorted().map { .string($0) }),
    ]
  }
}
