internal import Telephony

/// Accounts as an Auth Token makes and changes them.
extension SimulatorState {
  /// `POST /Accounts.json`: a sub-account of the caller's.
  mutating func makeSubAccount(_ ask: RESTRequest) throws(RESTError) -> SimulatorAnswer {
    guard let parent = accounts[ask.principal.account], parent.status == .active else {
      throw RESTError(403, 20005, "Account is not active")
    }
    guard parent.parent == nil else {
      throw RESTError(403, 20003, "A sub-account can't have sub-accounts")
    }
    guard accounts.count < SimulatorLimits.accountCountMax else {
      throw RESTError(429, 20429, "Too Many Requests")
    }
    var account = newAccount(random.sid("AC"), parent: parent.sid)
    account.kind = parent.kind
    account.friendlyName = try ask.name("FriendlyName") ?? "SubAccount"
    accounts[account.sid] = account
    return SimulatorAnswer(201, render(account, ask.region))
  }

  /// An account with tokens of its own in every region.
  mutating func newAccount(_ sid: String, parent: String?) -> Account {
    var tokens: [Region: Account.Tokens] = [:]
    for region in Region.allCases { tokens[region] = Account.Tokens(primary: random.secret()) }
    return Account(
      sid: sid, friendlyName: "Account", parent: parent, tokens: tokens, created: now)
  }

  /// `POST /Accounts/{AC}.json`: its name, or its status; a closed one stays closed.
  mutating func changeAccount(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    var account = account
    account.friendlyName = try ask.name("FriendlyName") ?? account.friendlyName
    if let status = try ask.word("Status", Account.Status.self) {
      guard account.parent == ask.principal.account else {
        throw RESTError(403, 20003, "Only a sub-account's status can be changed")
      }
      guard account.status != .closed || status == .closed else {
        throw .badRequest(20001, "A closed account can't be opened again")
      }
      account.status = status
    }
    accounts[account.sid] = account
    return SimulatorAnswer(200, render(account, ask.region))
  }
}
