internal import Telephony

/// `/Accounts/{AC}/SIP`: lists of credentials.
extension SimulatorState {
  /// `names` are the path's segments behind `SIP`, without `.json`.
  mutating func sip(
    _ ask: RESTRequest, _ account: Account, _ names: [String]
  ) throws(RESTError) -> SimulatorAnswer {
    switch (names[0], names.count) {
    case ("CredentialLists", 1): return try credentialLists(ask, account)
    case ("CredentialLists", 2...):
      guard let list = credentialLists[names[1]], list.account == account.sid,
        list.region == ask.region
      else { throw .notFound(ask.path) }
      switch names.dropFirst(2).first {
      case nil: return try credentialList(ask, list)
      case "Credentials" where names.count == 3: return try credentials(ask, list)
      case "Credentials" where names.count == 4: return try credential(ask, list, names[3])
      default: throw .notFound(ask.path)
      }
    case ("IpAccessControlLists", _): return try accessLists(ask, account, names)
    case ("Domains", ...2): return try sipDomains(ask, account, names)
    default: throw .notFound(ask.path)
    }
  }

  func sipURI(_ account: String, _ rest: String) -> JSON {
    .string("/2010-04-01/Accounts/\(account)/SIP/\(rest).json")
  }

  // MARK: Lists

  private mutating func credentialLists(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    let own = credentialLists.newestFirst.filter {
      $0.account == account.sid && $0.region == ask.region
    }
    switch ask.method {
    case "GET":
      let page = try Page(ask, of: own.map(\.sid))
      let rendered = page.items.compactMap { credentialLists[$0].map(render) }
      return page.answer("credential_lists", rendered)
    case "POST":
      guard own.count < SimulatorLimits.sipListCountMax else {
        throw .badRequest(21242, "The account has \(own.count) credential lists")
      }
      let name = try listName(ask, own.map(\.friendlyName))
      let list = CredentialList(
        sid: random.sid("CL"), account: account.sid, region: ask.region, friendlyName: name,
        created: now, updated: now)
      credentialLists[list.sid] = list
      return SimulatorAnswer(201, render(list))
    default: throw .notAllowed
    }
  }

  /// Required, at most 64 long, and no other list's: 21240.
  private func listName(_ ask: RESTRequest, _ taken: [String]) throws(RESTError) -> String {
    guard let name = ask.form["FriendlyName"], !name.isEmpty, name.utf8.count <= 64 else {
      throw .badRequest(21240, "FriendlyName must have 1 to 64 characters")
    }
    guard !taken.contains(name) else {
      throw .badRequest(21240, "A credential list named \(name) exists already")
    }
    return name
  }

  private mutating func credentialList(
    _ ask: RESTRequest, _ list: CredentialList
  ) throws(RESTError) -> SimulatorAnswer {
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(list))
    case "POST":
      let others = credentialLists.all.filter {
        $0.sid != list.sid && $0.account == list.account && $0.region == list.region
      }
      var changed = list
      changed.friendlyName = try listName(ask, others.map(\.friendlyName))
      changed.updated = now
      credentialLists[list.sid] = changed
      return SimulatorAnswer(200, render(changed))
    case "DELETE":
      let users = trunks.all.filter { $0.credentialLists.contains(list.sid) }
      guard users.isEmpty else {
        throw .badRequest(21241, "Credential list \(list.sid) is used by \(users[0].sid)")
      }
      credentialLists[list.sid] = nil
      return SimulatorAnswer(204)
    default: throw .notAllowed
    }
  }

  private func render(_ list: CredentialList) -> JSON {
    [
      "sid": .string(list.sid), "account_sid": .string(list.account),
      "friendly_name": .string(list.friendlyName),
      "date_created": .string(CarrierTime(list.created).mailDate),
      "date_updated": .string(CarrierTime(list.updated).mailDate),
      "subresource_uris": [
        "credentials": sipURI(list.account, "CredentialLists/\(list.sid)/Credentials")
      ],
      "uri": sipURI(list.account, "CredentialLists/\(list.sid)"),
    ]
  }

  // MARK: Credentials

  private mutating func credentials(
    _ ask: RESTRequest, _ list: CredentialList
  ) throws(RESTError) -> SimulatorAnswer {
    switch ask.method {
    case "GET":
      let page = try Page(ask, of: list.credentials.order.reversed())
      let rendered = page.items.compactMap { list.credentials[$0].map { render($0, list) } }
      return page.answer("credentials", rendered)
    case "POST":
      guard list.credentials.count < SimulatorLimits.sipEntryCountMax else {
        throw .badRequest(21244, "The list has \(list.credentials.count) credentials")
      }
      guard let name = ask.form["Username"], !name.isEmpty, name.utf8.count <= 32 else {
        throw .badRequest(21240, "Username must have 1 to 32 characters")
      }
      guard !list.credentials.all.contains(where: { $0.username == name }) else {
        throw .badRequest(21243, "Username \(name) exists already in the list")
      }
      let credential = CredentialList.Credential(
        sid: random.sid("CR"), username: name, password: try password(ask), created: now,
        updated: now)
      credentialLists[list.sid]?.credentials[credential.sid] = credential
      return SimulatorAnswer(201, render(credential, list))
    default: throw .notAllowed
    }
  }

  private func password(_ ask: RESTRequest) throws(RESTError) -> String {
    let text = ask.form["Password"] ?? ""
    guard text.count >= 12, text.contains(where: \.isNumber), text.contains(where: \.isLowercase),
      text.contains(where: \.isUppercase)
    else {
      throw .badRequest(
        21240,
        "Password must have 12 characters, with a digit, an upper and a lower case letter")
    }
    return text
  }

  private mutating func credential(
    _ ask: RESTRequest, _ list: CredentialList, _ sid: String
  ) throws(RESTError) -> SimulatorAnswer {
    guard var credential = list.credentials[sid] else { throw .notFound(ask.path) }
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(credential, list))
    case "POST":
      if ask.form["Password"] != nil { credential.password = try password(ask) }
      credential.updated = now
      credentialLists[list.sid]?.credentials[sid] = credential
      return SimulatorAnswer(200, render(credential, list))
    case "DELETE":
      credentialLists[list.sid]?.credentials[sid] = nil
      return SimulatorAnswer(204)
    default: throw .notAllowed
    }
  }

  /// The password never leaves.
  private func render(_ credential: CredentialList.Credential, _ list: CredentialList) -> JSON {
    [
      "sid": .string(credential.sid), "account_sid": .string(list.account),
      "credential_list_sid": .string(list.sid), "username": .string(credential.username),
      "date_created": .string(CarrierTime(credential.created).mailDate),
      "date_updated": .string(CarrierTime(credential.updated).mailDate),
      "uri": sipURI(
        list.account, "CredentialLists/\(list.sid)/Credentials/\(credential.sid)"),
    ]
  }
}
