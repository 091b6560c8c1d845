internal import Buffers
internal import Crypto
internal import Telephony

/// Who asks.
struct Principal: Sendable, Hashable {
  /// The account that the credentials belong to.
  let account: String
  /// Nil for an Auth Token, which may do everything.
  let key: APIKey?
}

/// Credentials: HTTP Basic, valid in one region.
extension SimulatorState {
  func authenticate(
    _ authorization: String?, _ region: Region
  ) throws(RESTError) -> Principal {
    guard let authorization, authorization.lowercased().hasPrefix("basic "),
      let bytes = Base64.decode(authorization.dropFirst(6).utf8, .exact),
      let text = String(validating: bytes, as: UTF8.self)
    else { throw .unauthorized }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw .unauthorized }
    let user = String(parts[0])
    let password = String(parts[1])
    if user.hasPrefix("SK") {
      guard let key = keys[user], key.region == region, key.secret == password else {
        throw .unauthorized
      }
      if key.kind == .test {
        throw RESTError(403, 20008, "Resource not accessible with Test Account Credentials")
      }
      return Principal(account: key.account, key: key)
    }
    guard let tokens = accounts[user]?.tokens[region],
      password == tokens.primary || password == tokens.secondary
    else { throw .unauthorized }
    return Principal(account: user, key: nil)
  }

  /// The account in the path: the caller's own, or with an Auth Token a sub-account.
  func authorize(_ ask: RESTRequest, account sid: String) throws(RESTError) -> Account {
    guard let account = accounts[sid] else { throw .unauthorized }
    let isOwn = sid == ask.principal.account
    let isParent = account.parent == ask.principal.account && ask.principal.key == nil
    guard isOwn || isParent else { throw .unauthorized }
    guard account.status == .active else {
      throw RESTError(403, 20005, "Account is not active")
    }
    return account
  }

  /// Refuses a restricted key that was not given `permission`.
  func require(_ permission: APIKey.Permission, _ ask: RESTRequest) throws(RESTError) {
    guard let key = ask.principal.key, key.kind == .restricted else { return }
    guard key.permissions.contains(permission) else {
      throw RESTError(403, 20003, "Permission Denied")
    }
  }

  /// Accounts are for Auth Tokens and main keys; others get what a wrong password gets.
  private func requireMain(_ ask: RESTRequest) throws(RESTError) {
    guard ask.principal.key.map({ $0.kind == .main }) ?? true else { throw .unauthorized }
  }

  mutating func listAccounts(_ ask: RESTRequest) throws(RESTError) -> SimulatorAnswer {
    try requireMain(ask)
    if ask.method == "POST" { return try makeSubAccount(ask) }
    guard ask.method == "GET" else { throw .notAllowed }
    let name = ask.query["FriendlyName"]
    let own = accounts.values.filter {
      ($0.sid == ask.principal.account || $0.parent == ask.principal.account)
        && (name == nil || $0.friendlyName == name)
    }
    let sorted = own.sorted { ($0.created, $0.sid) < ($1.created, $1.sid) }
    let page = try Page(ask, of: sorted.map(\.sid))
    let rendered = page.items.compactMap { accounts[$0].map { render($0, ask.region) } }
    return page.answer("accounts", rendered)
  }

  mutating func account(
    _ ask: RESTRequest, _ sid: String
  ) throws(RESTError) -> SimulatorAnswer {
    try requireMain(ask)
    guard let account = accounts[sid] else { throw .notFound(ask.path) }
    guard sid == ask.principal.account || account.parent == ask.principal.account else {
      throw .unauthorized
    }
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(account, ask.region))
    case "POST": return try changeAccount(ask, account)
    default: throw .notAllowed
    }
  }

  func render(_ account: Account, _ region: Region) -> JSON {
    let date = JSON.string(CarrierTime(account.created).mailDate)
    return [
      "sid": .string(account.sid), "friendly_name": .string(account.friendlyName),
      "status": .string(account.status.rawValue), "type": .string(account.kind.rawValue),
      "auth_token": JSON(account.tokens[region]?.primary),
      "owner_account_sid": .string(account.parent ?? account.sid),
      "date_created": date, "date_updated": date,
      "uri": .string("/2010-04-01/Accounts/\(account.sid).json"),
      "subresource_uris": [
        "incoming_phone_numbers": .string(
          "/2010-04-01/Accounts/\(account.sid)/IncomingPhoneNumbers.json"),
        "calls": .string("/2010-04-01/Accounts/\(account.sid)/Calls.json"),
      ],
    ]
  }
}
