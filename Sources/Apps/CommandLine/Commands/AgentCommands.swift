internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  static let agents = Command<SessionAction>.group(
    "agents", "Registers what answers calls.",
    [createAgent, listAgents, getAgent, updateAgent, deleteAgent])

  private static let id: Positional<String> = .required(
    "AGENT_ID", .text("AGENT_ID"), "The agent's id.")

  // MARK: Connections

  private static let mediaStreams: Option<[RegionalAddress]> = .list(
    "media-stream", .regionalAddress("WSS_URL"),
    "Reach it by a WebSocket that carries the audio: wss://host/path, or us1=wss://host/path for "
      + "the calls of one region.")
  private static let sips: Option<[RegionalAddress]> = .list(
    "sip", .regionalAddress("SIP_URI"),
    "Reach it by SIP: sip:user@host, or us1=sip:user@host for the calls of one region.")
  private static let parameters: Option<[String: String]> = .map(
    "parameter", .text("NAME"), .anyText("VALUE"), commas: false,
    "Given to the agent when a media stream starts.")
  private static let sipUsername: Option<String?> = .optional(
    "sip-username", .text("NAME"), "The user name at the SIP addresses.")
  private static let sipPasswordFile: Option<String?> = .optional(
    "sip-password-file", .text("PATH"),
    "The file with the password at the SIP addresses; - is the standard input. "
      + "TRUNKLINE_SIP_PASSWORD in the environment may hold the password itself.")
  private static let connectionOptions: [any DeclaredOption] = [
    mediaStreams, sips, parameters, sipUsername, sipPasswordFile,
  ]

  private struct Connections: Sendable {
    let mediaStreams: [RegionalAddress]
    let sips: [RegionalAddress]
    let parameters: [String: String]
    let sipUsername: String?
    let sipPasswordFile: String?

    init(_ arguments: Arguments) throws(ArgumentError) {
      self.mediaStreams = try arguments.value(TrunklineCommands.mediaStreams)
      self.sips = try arguments.value(TrunklineCommands.sips)
      self.parameters = try arguments.value(TrunklineCommands.parameters)
      self.sipUsername = try arguments.value(TrunklineCommands.sipUsername)
      self.sipPasswordFile = try arguments.value(TrunklineCommands.sipPasswordFile)
      if !parameters.isEmpty, mediaStreams.isEmpty {
        throw .conflict("--parameter needs --media-stream beside it.")
      }
      if sipUsername != nil || sipPasswordFile != nil, sips.isEmpty {
        throw .conflict("--sip-username and --sip-password-file need --sip beside them.")
      }
    }

    var isEmpty: Bool { mediaStreams.isEmpty && sips.isEmpty }

    func messages(_ session: Session) throws(CommandFailure) -> [V1.AgentConnection] {
      var connections: [V1.AgentConnection] = mediaStreams.map { address in
        var connection = V1.AgentConnection()
        connection.region = address.region ?? .unspecified
        connection.endpoint = .mediaStream(.init(url: address.text, parameters: parameters))
        return connection
      }
      guard !sips.isEmpty else { return connections }
      let password = try session.secret(
        file: sipPasswordFile, variable: sipUsername == nil ? "" : "TRUNKLINE_SIP_PASSWORD")
      for address in sips {
        var sip = V1.AgentConnection.Sip()
        sip.uri = address.text
        sip.username = sipUsername ?? ""
        sip.password = password
        var connection = V1.AgentConnection()
        connection.region = address.region ?? .unspecified
        connection.endpoint = .sip(sip)
        connections.append(connection)
      }
      return connections
    }
  }

  // MARK: Commands

  private static let newID: Positional<String?> = .optional(
    "AGENT_ID", .text("AGENT_ID"), "The id of your choice; without it one is made.")

  private static let createAgent = Command<SessionAction>.action(
    "create", "Registers an agent.",
    examples: [
      .init(
        "trunkline agents create desk --media-stream wss://agents.example.com/desk",
        "An agent that takes the calls of every region.")
    ],
    options: connectionOptions + [Shared.name, Shared.labels, Shared.link, Shared.requestID],
    positionals: [newID]
  ) { (arguments) throws(ArgumentError) in
    let connections = try Connections(arguments)
    guard !connections.isEmpty else {
      throw .conflict("An agent needs --media-stream or --sip: where calls reach it.")
    }
    var agent = V1.Agent()
    agent.id = try arguments.value(newID) ?? ""
    agent.displayName = try arguments.value(Shared.name) ?? ""
    agent.labels = try arguments.value(Shared.labels)
    let linked = try arguments.value(Shared.link)
    let givenID = try arguments.value(Shared.requestID)
    let template = agent
    return SessionAction { (session) async throws(CommandFailure) in
      var agent = template
      agent.connections = try connections.messages(session)
      let request = V1.CreateAgentRequest(
        agent: agent, requestID: givenID ?? session.makeRequestID(),
        linkPhoneNumberIDs: linked)
      let client = V1.AgentServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: request.requestID)) {
        (options) async throws(RPCError) in try await client.createAgent(request, options: options)
      }
      try session.show(answer) { record($0.agent) }
    }
  }

  private static let listAgents = Command<SessionAction>.action(
    "ls", "Lists agents, newest first.", options: [Shared.limit]
  ) { (arguments) throws(ArgumentError) in
    let limit = try arguments.value(Shared.limit)
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.AgentServiceClient(channel: session.channel)
      let all = try await session.pages(limit: limit) {
        (size, token) async throws(CommandFailure) in
        let request = V1.ListAgentsRequest(pageSize: size, pageToken: token)
        let page = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in try await client.listAgents(request, options: options)
        }
        return (page.agents, page.nextPageToken)
      }
      var answer = V1.ListAgentsResponse()
      (answer.agents, answer.nextPageToken) = all
      try session.show(answer) { table($0.agents) }
    }
  }

  private static let getAgent = Command<SessionAction>.action(
    "get", "Shows an agent.", positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.GetAgentRequest(id: try arguments.value(id))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.AgentServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in try await client.getAgent(request, options: options)
      }
      try session.show(answer) { record($0.agent) }
    }
  }

  private static let updateAgent = Command<SessionAction>.action(
    "update", "Changes an agent. Connections are replaced together.",
    options: connectionOptions + [
      Shared.name, Shared.labels, Shared.link, Shared.unlink, Shared.etag,
    ], positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let connections = try Connections(arguments)
    var agent = V1.Agent()
    var paths: [String] = []
    agent.id = try arguments.value(id)
    agent.etag = try arguments.value(Shared.etag) ?? ""
    if let name = try arguments.value(Shared.name) {
      agent.displayName = name
      paths.append("display_name")
    }
    if arguments.isGiven(Shared.labels) {
      agent.labels = try arguments.value(Shared.labels)
      paths.append("labels")
    }
    if !connections.isEmpty { paths.append("connections") }
    let linked = try arguments.value(Shared.link)
    let unlinked = try arguments.value(Shared.unlink)
    guard !paths.isEmpty || !linked.isEmpty || !unlinked.isEmpty else { throw .nothingToChange }
    let (template, mask) = (agent, Google.Protobuf.FieldMask(paths: paths))
    return SessionAction { (session) async throws(CommandFailure) in
      var agent = template
      agent.connections = try connections.messages(session)
      let request = V1.UpdateAgentRequest(
        agent: agent, updateMask: mask, linkPhoneNumberIDs: linked,
        unlinkPhoneNumberIDs: unlinked)
      let client = V1.AgentServiceClient(channel: session.channel)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.updateAgent(request, options: options)
      }
      try session.show(answer) { record($0.agent) }
    }
  }

  private static let deleteAgent = Command<SessionAction>.action(
    "delete", "Removes an agent that has no numbers any more.",
    options: [Shared.unlinkAll, Shared.etag], positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.DeleteAgentRequest()
    request.id = try arguments.value(id)
    request.etag = try arguments.value(Shared.etag) ?? ""
    request.unlink = try arguments.value(Shared.unlinkAll)
    let sent = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.AgentServiceClient(channel: session.channel)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.deleteAgent(sent, options: options)
      }
      try session.show(answer) { _ in "Deleted \(sent.id).\n" }
    }
  }

  // MARK: Texts

  private static func text(_ connection: V1.AgentConnection) -> String {
    let region = connection.region == .unspecified ? "any region" : connection.region.text
    switch connection.endpoint {
    case .mediaStream(let stream): return "\(region): \(stream.url)"
    case .sip(let sip):
      let user = sip.username.isEmpty ? "" : " as \(sip.username)"
      return "\(region): \(sip.uri)\(user)\(sip.hasPassword ? ", password stored" : "")"
    case nil: return "\(region): unknown"
    }
  }

  private static func table(_ agents: [V1.Agent]) -> String {
    var table = Table(["ID", "NUMBERS", "CONNECTIONS", "NAME"])
    for agent in agents {
      let connections = agent.connections.map(text).joined(separator: "; ")
      table.append([agent.id, String(agent.phoneNumberCount), connections, agent.displayName])
    }
    return table.text
  }

  private static func record(_ agent: V1.Agent?) -> String {
    guard let agent else { return "" }
    var record = Record()
    record.append("id", agent.id)
    record.append("name", agent.displayName)
    for connection in agent.connections {
      record.append("connection", text(connection))
      if case .mediaStream(let stream) = connection.endpoint {
        record.append("parameters", pairs(stream.parameters))
      }
    }
    record.append("numbers", String(agent.phoneNumberCount))
    for id in agent.phoneNumberIDs { record.append("number", id) }
    record.append(
      labels: agent.labels, etag: agent.etag, created: agent.createTime, updated: agent.updateTime)
    return record.text
  }
}

/// Where an agent is reached by the calls of one region, or of every region.
struct RegionalAddress: Sendable {
  let region: V1.Region?
  let text: String
}

extension ArgumentType where Value == RegionalAddress {
  /// `ADDRESS` or `REGION=ADDRESS`.
  static func regionalAddress(_ placeholder: String) -> ArgumentType {
    ArgumentType("[REGION=]\(placeholder)") { (text) throws(ArgumentProblem) in
      guard !text.isEmpty else { throw ArgumentProblem("The value is empty.") }
      // A scheme comes before any equals sign that belongs to the address.
      guard let equals = text.firstIndex(of: "="), !text[..<equals].contains(":") else {
        return RegionalAddress(region: nil, text: text)
      }
      let region = try ArgumentType<V1.Region>.region.parse(String(text[..<equals]))
      return RegionalAddress(region: region, text: String(text[text.index(after: equals)...]))
    }
  }
}
