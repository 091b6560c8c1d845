internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  static let softphones = Command<SessionAction>.group(
    "softphones", "Registers telephones that calls are handed to.",
    [createSoftphone, listSoftphones, getSoftphone, updateSoftphone, deleteSoftphone])

  /// What tells a softphone's id from an agent's.
  static let softphonePrefix = "sph_"

  private static let id: Positional<String> = .required(
    "SOFTPHONE_ID", .text("SOFTPHONE_ID"), "The softphone's id, sph_….")
  private static let newID: Positional<String?> = .optional(
    "SOFTPHONE_ID", .text("SOFTPHONE_ID"),
    "The id of your choice, which begins with sph_; without it one is made.")
  private static let uri: Option<String?> = .optional(
    "sip", .text("SIP_URI"), "Where it is reached: sip:user@host.")
  private static let username: Option<String?> = .optional(
    "sip-username", .text("NAME"), "The user name at the SIP address.")
  private static let passwordFile: Option<String?> = .optional(
    "sip-password-file", .text("PATH"),
    "The file with the password at the SIP address; - is the standard input. "
      + "TRUNKLINE_SIP_PASSWORD in the environment may hold the password itself.")
  private static let endpointOptions: [any DeclaredOption] = [uri, username, passwordFile]

  private struct Endpoint: Sendable {
    let uri: String?
    let username: String?
    let passwordFile: String?

    init(_ arguments: Arguments) throws(ArgumentError) {
      self.uri = try arguments.value(TrunklineCommands.uri)
      self.username = try arguments.value(TrunklineCommands.username)
      self.passwordFile = try arguments.value(TrunklineCommands.passwordFile)
      if uri == nil, username != nil || passwordFile != nil {
        throw .conflict("--sip-username and --sip-password-file need --sip beside them.")
      }
    }

    func message(_ session: Session) throws(CommandFailure) -> V1.Softphone.Endpoint? {
      guard let uri else { return nil }
      let password = try session.secret(
        file: passwordFile, variable: username == nil ? "" : "TRUNKLINE_SIP_PASSWORD")
      return .sip(.init(uri: uri, username: username ?? "", password: password))
    }
  }

  // MARK: Commands

  private static let createSoftphone = Command<SessionAction>.action(
    "create", "Registers a softphone.",
    examples: [
      .init(
        "trunkline softphones create sph_ada --sip sip:ada@pbx.example.com",
        "A telephone that takes the calls of its numbers.")
    ],
    options: endpointOptions + [Shared.name, Shared.labels, Shared.link, Shared.requestID],
    positionals: [newID]
  ) { (arguments) throws(ArgumentError) in
    let endpoint = try Endpoint(arguments)
    guard endpoint.uri != nil else {
      throw .conflict("A softphone needs --sip: where calls reach it.")
    }
    var softphone = V1.Softphone()
    softphone.id = try arguments.value(newID) ?? ""
    softphone.displayName = try arguments.value(Shared.name) ?? ""
    softphone.labels = try arguments.value(Shared.labels)
    let linked = try arguments.value(Shared.link)
    let givenID = try arguments.value(Shared.requestID)
    let template = softphone
    return SessionAction { (session) async throws(CommandFailure) in
      var softphone = template
      softphone.endpoint = try endpoint.message(session)
      let request = V1.CreateSoftphoneRequest(
        softphone: softphone, requestID: givenID ?? session.makeRequestID(),
        linkPhoneNumberIDs: linked)
      let client = V1.SoftphoneServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: request.requestID)) {
        (options) async throws(RPCError) in
        try await client.createSoftphone(request, options: options)
      }
      try session.show(answer) { record($0.softphone) }
    }
  }

  private static let listSoftphones = Command<SessionAction>.action(
    "ls", "Lists softphones, newest first.", options: [Shared.limit]
  ) { (arguments) throws(ArgumentError) in
    let limit = try arguments.value(Shared.limit)
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.SoftphoneServiceClient(channel: session.channel)
      let all = try await session.pages(limit: limit) {
        (size, token) async throws(CommandFailure) in
        let request = V1.ListSoftphonesRequest(pageSize: size, pageToken: token)
        let page = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in
          try await client.listSoftphones(request, options: options)
        }
        return (page.softphones, page.nextPageToken)
      }
      var answer = V1.ListSoftphonesResponse()
      (answer.softphones, answer.nextPageToken) = all
      try session.show(answer) { table($0.softphones) }
    }
  }

  private static let getSoftphone = Command<SessionAction>.action(
    "get", "Shows a softphone.", positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.GetSoftphoneRequest(id: try arguments.value(id))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.SoftphoneServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in try await client.getSoftphone(request, options: options)
      }
      try session.show(answer) { record($0.softphone) }
    }
  }

  private static let updateSoftphone = Command<SessionAction>.action(
    "update", "Changes a softphone.",
    options: endpointOptions + [
      Shared.name, Shared.labels, Shared.link, Shared.unlink, Shared.etag,
    ], positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let endpoint = try Endpoint(arguments)
    var softphone = V1.Softphone()
    var paths: [String] = []
    softphone.id = try arguments.value(id)
    softphone.etag = try arguments.value(Shared.etag) ?? ""
    if let name = try arguments.value(Shared.name) {
      softphone.displayName = name
      paths.append("display_name")
    }
    if arguments.isGiven(Shared.labels) {
      softphone.labels = try arguments.value(Shared.labels)
      paths.append("labels")
    }
    if endpoint.uri != nil { paths.append("sip") }
    let linked = try arguments.value(Shared.link)
    let unlinked = try arguments.value(Shared.unlink)
    guard !paths.isEmpty || !linked.isEmpty || !unlinked.isEmpty else { throw .nothingToChange }
    let (template, mask) = (softphone, Google.Protobuf.FieldMask(paths: paths))
    return SessionAction { (session) async throws(CommandFailure) in
      var softphone = template
      softphone.endpoint = try endpoint.message(session)
      let request = V1.UpdateSoftphoneRequest(
        softphone: softphone, updateMask: mask, linkPhoneNumberIDs: linked,
        unlinkPhoneNumberIDs: unlinked)
      let client = V1.SoftphoneServiceClient(channel: session.channel)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.updateSoftphone(request, options: options)
      }
      try session.show(answer) { record($0.softphone) }
    }
  }

  private static let deleteSoftphone = Command<SessionAction>.action(
    "delete", "Removes a softphone that has no numbers any more.",
    options: [Shared.unlinkAll, Shared.etag], positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.DeleteSoftphoneRequest()
    request.id = try arguments.value(id)
    request.etag = try arguments.value(Shared.etag) ?? ""
    request.unlink = try arguments.value(Shared.unlinkAll)
    let sent = request
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.SoftphoneServiceClient(channel: session.channel)
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.deleteSoftphone(sent, options: options)
      }
      try session.show(answer) { _ in "Deleted \(sent.id).\n" }
    }
  }

  // MARK: Texts

  private static func text(_ endpoint: V1.Softphone.Endpoint?) -> String {
    switch endpoint {
    case .sip(let sip):
      let user = sip.username.isEmpty ? "" : " as \(sip.username)"
      return "\(sip.uri)\(user)\(sip.hasPassword ? ", password stored" : "")"
    case nil: return "unknown"
    }
  }

  private static func table(_ softphones: [V1.Softphone]) -> String {
    var table = Table(["ID", "NUMBERS", "ENDPOINT", "NAME"])
    for softphone in softphones {
      table.append([
        softphone.id, String(softphone.phoneNumberCount), text(softphone.endpoint),
        softphone.displayName,
      ])
    }
    return table.text
  }

  private static func record(_ softphone: V1.Softphone?) -> String {
    guard let softphone else { return "" }
    var record = Record()
    record.append("id", softphone.id)
    record.append("name", softphone.displayName)
    record.append("endpoint", text(softphone.endpoint))
    record.append("numbers", String(softphone.phoneNumberCount))
    for id in softphone.phoneNumberIDs { record.append("number", id) }
    record.append(
      labels: softphone.labels, etag: softphone.etag, created: softphone.createTime,
      updated: softphone.updateTime)
    return record.text
  }
}
