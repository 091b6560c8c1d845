internal import Telephony

/// `/Accounts/{AC}/SIP`: lists of addresses that calls may come from.
extension SimulatorState {
  mutating func accessLists(
    _ ask: RESTRequest, _ account: Account, _ names: [String]
  ) throws(RESTError) -> SimulatorAnswer {
    guard names.count > 1 else { return try accessLists(ask, account) }
    guard let list = accessLists[names[1]], list.account == account.sid,
      list.region == ask.region
    else { throw .notFound(ask.path) }
    switch names.dropFirst(2).first {
    case nil: return try accessList(ask, list)
    case "IpAddresses" where names.count == 3: return try addresses(ask, list)
    case "IpAddresses" where names.count == 4: return try address(ask, list, names[3])
    default: throw .notFound(ask.path)
    }
  }

  // MARK: Lists

  private mutating func accessLists(
    _ ask: RESTRequest, _ account: Account
  ) throws(RESTError) -> SimulatorAnswer {
    let own = accessLists.newestFirst.filter {
      $0.account == account.sid && $0.region == ask.region
    }
    switch ask.method {
    case "GET":
      let page = try Page(ask, of: own.map(\.sid))
      let rendered = page.items.compactMap { accessLists[$0].map(render) }
      return page.answer("ip_access_control_lists", rendered)
    case "POST":
      guard own.count < SimulatorLimits.sipListCountMax else {
        throw .badRequest(21242, "The account has \(own.count) access lists")
      }
      _ = try ask.text(required: "FriendlyName")
      var list = AccessList(
        sid: random.sid("AL"), account: account.sid, region: ask.region, friendlyName: "",
        created: now, updated: now)
      list.friendlyName = try ask.name("FriendlyName") ?? ""
      accessLists[list.sid] = list
      return SimulatorAnswer(201, render(list))
    default: throw .notAllowed
    }
  }

  private mutating func accessList(
    _ ask: RESTRequest, _ list: AccessList
  ) throws(RESTError) -> SimulatorAnswer {
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(list))
    case "POST":
      var changed = list
      changed.friendlyName = try ask.name("FriendlyName") ?? list.friendlyName
      changed.updated = now
      accessLists[list.sid] = changed
      return SimulatorAnswer(200, render(changed))
    case "DELETE":
      let users = trunks.all.filter { $0.accessLists.contains(list.sid) }
      guard users.isEmpty else {
        throw .badRequest(21241, "Access list \(list.sid) is used by \(users[0].sid)")
      }
      accessLists[list.sid] = nil
      return SimulatorAnswer(204)
    default: throw .notAllowed
    }
  }

  private func render(_ list: AccessList) -> JSON {
    [
      "sid": .string(list.sid), "account_sid": .string(list.account),
      "friendly_name": .string(list.friendlyName),
      "date_created": .string(CarrierTime(list.created).mailDate),
      "date_updated": .string(CarrierTime(list.updated).mailDate),
      "subresource_uris": [
        "ip_addresses": sipURI(list.account, "IpAccessControlLists/\(list.sid)/IpAddresses")
      ],
      "uri": sipURI(list.account, "IpAccessControlLists/\(list.sid)"),
    ]
  }

  // MARK: Addresses

  private mutating func addresses(
    _ ask: RESTRequest, _ list: AccessList
  ) throws(RESTError) -> SimulatorAnswer {
    switch ask.method {
    case "GET":
      let page = try Page(ask, of: list.addresses.order.reversed())
      let rendered = page.items.compactMap { list.addresses[$0].map { render($0, list) } }
      return page.answer("ip_addresses", rendered)
    case "POST":
      guard list.addresses.count < SimulatorLimits.sipEntryCountMax else {
        throw .badRequest(21244, "The list has \(list.addresses.count) addresses")
      }
      _ = try ask.text(required: "FriendlyName")
      _ = try ask.text(required: "IpAddress")
      var address = AccessList.Address(
        sid: random.sid("IP"), friendlyName: "", address: "", prefixLength: 32, created: now,
        updated: now)
      try change(&address, ask)
      accessLists[list.sid]?.addresses[address.sid] = address
      return SimulatorAnswer(201, render(address, list))
    default: throw .notAllowed
    }
  }

  private func change(
    _ address: inout AccessList.Address, _ ask: RESTRequest
  ) throws(RESTError) {
    address.friendlyName = try ask.name("FriendlyName") ?? address.friendlyName
    if let text = ask.form["IpAddress"] {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 4, parts.allSatisfy({ UInt8($0) != nil }) else {
        throw .badRequest(20001, "Invalid parameter: IpAddress \(text) is no IPv4 address")
      }
      address.address = text
    }
    address.prefixLength =
      try ask.integer("CidrPrefixLength", in: 1...32) ?? address.prefixLength
    address.updated = now
  }

  private mutating func address(
    _ ask: RESTRequest, _ list: AccessList, _ sid: String
  ) throws(RESTError) -> SimulatorAnswer {
    guard var address = list.addresses[sid] else { throw .notFound(ask.path) }
    switch ask.method {
    case "GET": return SimulatorAnswer(200, render(address, list))
    case "POST":
      try change(&address, ask)
      accessLists[list.sid]?.addresses[sid] = address
      return SimulatorAnswer(200, render(address, list))
    case "DELETE":
      accessLists[list.sid]?.addresses[sid] = nil
      return SimulatorAnswer(204)
    default: throw .notAllowed
    }
  }

  private func render(_ address: AccessList.Address, _ list: AccessList) -> JSON {
    [
      "sid": .string(address.sid), "account_sid": .string(list.account),
      "ip_access_control_list_sid": .string(list.sid),
      "friendly_name": .string(address.friendlyName), "ip_address": .string(address.address),
      "cidr_prefix_length": .integer(address.prefixLength),
      "date_created": .string(CarrierTime(address.created).mailDate),
      "date_updated": .string(CarrierTime(address.updated).mailDate),
      "uri": sipURI(list.account, "IpAccessControlLists/\(list.sid)/IpAddresses/\(address.sid)"),
    ]
  }
}
