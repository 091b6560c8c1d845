internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  static let tokens = Command<SessionAction>.group(
    "tokens", "Makes and revokes API tokens.", [createToken, listTokens, revokeToken])

  private static let id: Positional<String> = .required(
    "TOKEN_ID", .text("TOKEN_ID"), "The token's id, tok_….")
  private static let scopes: Option<[String]> = .list(
    "scopes", .text("SCOPE"),
    "What the token shall allow: providers:read, providers:write, numbers:read, numbers:write, "
      + "agents:read, agents:write, calls:read, calls:place, calls:control, admin, dispatch.")
  private static let expiresIn: Option<Duration?> = .optional(
    "expires-in", .duration(in: .seconds(1) ... .seconds(100 * 366 * 86_400)),
    "For how long it is good. Without it, until it is revoked.")
  private static let tenant: Option<String?> = .optional(
    "tenant", .text("TENANT_ID"),
    "Another tenant than your own, ten_…: for the operator. To make a token also `new`, which "
      + "makes a tenant.")

  private static let createToken = Command<SessionAction>.action(
    "create", "Makes a token, and shows its text this once.",
    examples: [
      .init(
        "trunkline tokens create --name dialler --scopes numbers:read,calls:place --expires-in 90d",
        "A token for a program that places calls."),
      .init(
        "trunkline tokens create --tenant new --scopes admin",
        "A new tenant, and its administrator."),
    ],
    options: [scopes, Shared.name, expiresIn, tenant, Shared.requestID]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.CreateTokenRequest()
    request.scopes = try arguments.value(scopes)
    guard !request.scopes.isEmpty else {
      throw .conflict("A token needs --scopes: what it shall allow.")
    }
    request.displayName = try arguments.value(Shared.name) ?? ""
    request.tenantID = try arguments.value(tenant) ?? ""
    let lifetime = try arguments.value(expiresIn)
    let givenID = try arguments.value(Shared.requestID)
    let template = request
    return SessionAction { (session) async throws(CommandFailure) in
      var request = template
      request.requestID = givenID ?? session.makeRequestID()
      request.expireTime = lifetime.map {
        Google.Protobuf.Timestamp(seconds: session.now() + $0.components.seconds)
      }
      let client = V1.TokenServiceClient(channel: session.channel)
      let sent = request
      // A repetition would not show the text again: whoever wants one gives the id.
      let answer = try await session.call(.never) { (options) async throws(RPCError) in
        try await client.createToken(sent, options: options)
      }
      try session.show(answer) { answer in
        var record = record(answer.token)
        record.append("token", answer.tokenText)
        return record.text
      }
      session.console.printError(
        answer.tokenText.isEmpty
          ? "The token was made before; its text is not known any more.\n"
          : "The token is shown this once. Keep it where secrets are kept.\n")
    }
  }

  private static let listTokens = Command<SessionAction>.action(
    "ls", "Lists tokens, newest first; revoked and expired ones too.",
    options: [tenant, Shared.limit]
  ) { (arguments) throws(ArgumentError) in
    let limit = try arguments.value(Shared.limit)
    let owner = try arguments.value(tenant) ?? ""
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.TokenServiceClient(channel: session.channel)
      let all = try await session.pages(limit: limit) {
        (size, token) async throws(CommandFailure) in
        let request = V1.ListTokensRequest(pageSize: size, pageToken: token, tenantID: owner)
        let page = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in try await client.listTokens(request, options: options)
        }
        return (page.tokens, page.nextPageToken)
      }
      var answer = V1.ListTokensResponse()
      (answer.tokens, answer.nextPageToken) = all
      let now = session.now()
      try session.show(answer) { table($0.tokens, now) }
    }
  }

  private static let revokeToken = Command<SessionAction>.action(
    "revoke", "Ends a token for good.", options: [tenant], positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.RevokeTokenRequest(
      id: try arguments.value(id), tenantID: try arguments.value(tenant) ?? "")
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.TokenServiceClient(channel: session.channel)
      // Revoking twice is revoking once.
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in try await client.revokeToken(request, options: options)
      }
      try session.show(answer) { record($0.token).text }
    }
  }

  // MARK: Texts

  private static func table(_ tokens: [V1.Token], _ now: Int64) -> String {
    var table = Table(["ID", "STATE", "SCOPES", "EXPIRES", "LAST USED", "NAME"])
    for token in tokens {
      table.append([
        token.id, state(token, now), token.scopes.joined(separator: ","),
        token.expireTime?.text ?? "never", token.lastUseTime?.text ?? "never", token.displayName,
      ])
    }
    return table.text
  }

  private static func state(_ token: V1.Token, _ now: Int64) -> String {
    if token.revokeTime != nil { return "revoked" }
    guard let expiry = token.expireTime, expiry.seconds <= now else { return "good" }
    return "expired"
  }

  private static func record(_ token: V1.Token?) -> Record {
    var record = Record()
    guard let token else { return record }
    record.append("id", token.id)
    record.append("name", token.displayName)
    record.append("tenant", token.tenantID)
    record.append("scopes", token.scopes.joined(separator: ", "))
    record.append("made by", token.creator)
    record.append("made", token.createTime?.text ?? "")
    record.append("expires", token.expireTime?.text ?? "never")
    record.append("revoked", token.revokeTime?.text ?? "")
    return record
  }
}
