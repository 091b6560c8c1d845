internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  static let phoneNumbers = Command<SessionAction>.group(
    "phone-numbers", "Imports phone numbers and gives them to agents and softphones.",
    [
      importNumber, searchNumbers, provisionNumber, releaseNumber, listNumbers, getNumber,
      updateNumber, assignNumber, unassignNumber, numberUsage, moveNumber, repairNumber,
      deleteNumber, watchNumbers, showQuota,
    ])

  static let numberID: Positional<String> = .required(
    "PHONE_NUMBER_ID", .text("PHONE_NUMBER_ID"), "The number's id, pn_….")
  static let label: Option<String?> = .optional(
    "label", .anyText("TEXT"), "A name for people.")

  // MARK: Commands

  private static let agentID: Option<String?> = .optional(
    "agent-id", .text("AGENT_ID"), "Only numbers assigned to this agent.")
  private static let softphoneID: Option<String?> = .optional(
    "softphone-id", .text("sph_…"), "Only numbers assigned to this softphone.")
  private static let providerID: Option<String?> = .optional(
    "provider-id", .text("prv_…"), "Only numbers of this provider.")
  private static let state: Option<V1.PhoneNumber.State?> = .optional(
    "state",
    .choice([
      "provisioning": .provisioning, "active": .active, "degraded": .degraded,
      "deleting": .deleting, "corrupted": .corrupted,
    ]), "Only numbers in this state.")

  private static let listNumbers = Command<SessionAction>.action(
    "ls", "Lists numbers, newest first.",
    options: [
      Shared.type, agentID, softphoneID, providerID, Shared.region, state, Shared.limit,
    ]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.ListPhoneNumbersRequest()
    request.type = try arguments.value(Shared.type) ?? .unspecified
    request.agentID = try arguments.value(agentID) ?? ""
    request.softphoneID = try arguments.value(softphoneID) ?? ""
    request.providerID = try arguments.value(providerID) ?? ""
    request.region = try arguments.value(Shared.region) ?? .unspecified
    request.state = try arguments.value(state) ?? .unspecified
    let limit = try arguments.value(Shared.limit)
    let template = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      let all = try await session.pages(limit: limit) {
        (size, token) async throws(CommandFailure) in
        var request = template
        (request.pageSize, request.pageToken) = (size, token)
        let sent = request
        let page = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in
          try await client.listPhoneNumbers(sent, options: options)
        }
        return (page.phoneNumbers, page.nextPageToken)
      }
      var answer = V1.ListPhoneNumbersResponse()
      (answer.phoneNumbers, answer.nextPageToken) = all
      try session.show(answer) { table($0.phoneNumbers) }
    }
  }

  private static let getNumber = Command<SessionAction>.action(
    "get", "Shows a number.", positionals: [numberID]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.GetPhoneNumberRequest(id: try arguments.value(numberID))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.getPhoneNumber(request, options: options)
      }
      try session.show(answer) { record($0.phoneNumber) }
    }
  }

  private static let outbound: Option<Bool?> = .optional(
    "outbound", .truth, "Whether calls may be placed from the number.")
  private static let unassigned: Option<V1.PhoneNumber.Inbound.Unassigned?> = .optional(
    "unassigned", .choice(["reject": .reject, "former": .former]),
    "What a call gets while nobody has the number: a rejection, or where it went before.")

  private static let updateNumber = Command<SessionAction>.action(
    "update", "Changes a number.",
    options: [label, Shared.labels, outbound, unassigned, Shared.etag], positionals: [numberID]
  ) { (arguments) throws(ArgumentError) in
    var number = V1.PhoneNumber()
    var paths: [String] = []
    number.id = try arguments.value(numberID)
    number.etag = try arguments.value(Shared.etag) ?? ""
    if let label = try arguments.value(label) {
      number.label = label
      paths.append("label")
    }
    if arguments.isGiven(Shared.labels) {
      number.labels = try arguments.value(Shared.labels)
      paths.append("labels")
    }
    if let outbound = try arguments.value(outbound) {
      number.supportsOutbound = outbound
      paths.append("supports_outbound")
    }
    if let unassigned = try arguments.value(unassigned) {
      number.inbound = V1.PhoneNumber.Inbound(unassigned: unassigned)
      paths.append("inbound.unassigned")
    }
    guard !paths.isEmpty else { throw .nothingToChange }
    let request = V1.UpdatePhoneNumberRequest(
      phoneNumber: number, updateMask: Google.Protobuf.FieldMask(paths: paths))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.updatePhoneNumber(request, options: options)
      }
      try session.show(answer) { record($0.phoneNumber) }
    }
  }

  private static let assigneeID: Positional<String> = .required(
    "ASSIGNEE_ID", .text("ASSIGNEE_ID"),
    "The agent that is to answer, or the softphone, whose id begins with sph_.")

  private static let assignNumber = Command<SessionAction>.action(
    "assign", "Makes an agent or a softphone answer a number, in place of the one that does.",
    options: [Shared.etag], positionals: [numberID, assigneeID]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.AssignPhoneNumberRequest()
    request.id = try arguments.value(numberID)
    let assignee = try arguments.value(assigneeID)
    request.assignee =
      assignee.hasPrefix(softphonePrefix) ? .softphoneID(assignee) : .agentID(assignee)
    request.etag = try arguments.value(Shared.etag) ?? ""
    let sent = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.assignPhoneNumber(sent, options: options)
      }
      try session.show(answer) { record($0.phoneNumber) }
    }
  }

  private static let unassignNumber = Command<SessionAction>.action(
    "unassign", "Takes a number from who answers it.", options: [Shared.etag],
    positionals: [numberID]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.UnassignPhoneNumberRequest()
    request.id = try arguments.value(numberID)
    request.etag = try arguments.value(Shared.etag) ?? ""
    let sent = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.unassignPhoneNumber(sent, options: options)
      }
      try session.show(answer) { record($0.phoneNumber) }
    }
  }

  private static let numberUsage = Command<SessionAction>.action(
    "usage", "Says what uses a number, and whether it can be deleted.", positionals: [numberID]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.GetPhoneNumberUsageRequest(id: try arguments.value(numberID))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.getPhoneNumberUsage(request, options: options)
      }
      try session.show(answer) { text($0.usage) }
    }
  }

  private static let showQuota = Command<SessionAction>.action(
    "quota", "Shows how much the tenant has of what is counted, and how much it may have."
  ) { (_) throws(ArgumentError) in
    SessionAction { (session) async throws(CommandFailure) in
      let client = V1.PhoneNumberServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.getQuota(V1.GetQuotaRequest(), options: options)
      }
      try session.show(answer) { answer in
        var table = Table(["WHAT", "USED", "LIMIT"])
        for quota in answer.quotas {
          table.append([quota.name, String(quota.used), quota.limit.map(String.init) ?? ""])
        }
        return table.text
      }
    }
  }

  // MARK: Texts

  private static func address(_ number: V1.PhoneNumber) -> String {
    switch number.address {
    case .e164(let e164): e164
    case nil: ""
    }
  }

  private static func assignee(_ number: V1.PhoneNumber) -> String {
    switch number.assignee {
    case .agentID(let id), .softphoneID(let id): id
    case nil: ""
    }
  }

  private static func table(_ numbers: [V1.PhoneNumber]) -> String {
    var table = Table(["ID", "NUMBER", "REGION", "STATE", "ASSIGNEE", "CALLS", "PROVIDER", "LABEL"])
    for number in numbers {
      table.append([
        number.id, address(number), number.region.text,
        shortName(number.state, prefix: "STATE_"), assignee(number), directions(number),
        number.providerID, number.label,
      ])
    }
    return table.text
  }

  private static func directions(_ number: V1.PhoneNumber) -> String {
    switch (number.supportsInbound, number.supportsOutbound) {
    case (true, true): "in, out"
    case (true, false): "in"
    case (false, true): "out"
    case (false, false): ""
    }
  }

  static func record(_ number: V1.PhoneNumber?) -> String {
    guard let number else { return "" }
    var record = Record()
    record.append("id", number.id)
    record.append("number", address(number))
    record.append("label", number.label)
    switch number.assignee {
    case .agentID(let id): record.append("agent", id)
    case .softphoneID(let id): record.append("softphone", id)
    case nil: record.append("agent", "")
    }
    record.append("provider", number.providerID)
    record.append("region", number.region.text)
    record.append("carrier SID", number.carrierSID)
    record.append("bought here", number.provisioned ? "yes" : "")
    record.append("calls", directions(number))
    if !number.gatewayProviderID.isEmpty {
      record.append("ingress", shortName(number.ingress, prefix: "INGRESS_"))
      record.append("gateway", number.gatewayProviderID)
    }
    record.append(
      "while unassigned", shortName(number.inbound?.unassigned ?? .reject, prefix: "UNASSIGNED_"))
    record.append("state", shortName(number.state, prefix: "STATE_"))
    record.append(conditions: number.conditions)
    for leftover in number.leftovers {
      let code = leftover.carrierCode.map { ", carrier code \($0)" } ?? ""
      let made = leftover.name.isEmpty ? "" : ": \(leftover.name) \(leftover.resourceID)"
      record.append(
        "left at the carrier",
        "\(shortName(leftover.type, prefix: "TYPE_")) in \(leftover.region.text)\(code)\(made)")
    }
    for resource in number.resources {
      record.append(
        "made for it",
        "\(shortName(resource.type, prefix: "TYPE_")) \(resource.externalID)")
    }
    if let former = number.former {
      record.append("former webhook", former.voiceURL)
      record.append("former region", former.voiceRegion.text)
      record.append("former application", former.voiceApplicationSID)
      record.append("former trunk", former.trunkSID)
    }
    record.append(
      labels: number.labels, etag: number.etag, created: number.createTime,
      updated: number.updateTime)
    return record.text
  }

  private static func text(_ usage: V1.PhoneNumberUsage?) -> String {
    guard let usage else { return "" }
    var table = Table(["USED BY", "ID", "NAME"])
    for user in usage.users {
      switch user.user {
      case .agentID(let id): table.append(["agent", id, user.displayName])
      case .softphoneID(let id): table.append(["softphone", id, user.displayName])
      case nil: table.append(["unknown", "", user.displayName])
      }
    }
    let verdict = usage.deletable ? "It can be deleted." : "It can't be deleted now."
    return (usage.users.isEmpty ? "Nothing uses the number.\n" : table.text) + verdict + "\n"
  }
}

extension ArgumentError {
  /// An update without anything to update.
  static let nothingToChange = ArgumentError.conflict(
    "Nothing to change: give at least one option that says what.")
}
