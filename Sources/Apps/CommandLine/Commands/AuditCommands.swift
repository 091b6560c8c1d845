internal import API
internal import GRPC
internal import WellKnown

extension TrunklineCommands {
  static let audit = Command<SessionAction>.group(
    "audit", "Shows who changed what.", [listAudit])

  private static let resource: Option<String?> = .optional(
    "resource", .text("ID"),
    "Only what was done to this provider, number, agent, softphone, token or call.")
  private static let type: Option<String?> = .optional(
    "type", .text("TYPE"),
    "Only what was done to: provider, phone_number, agent, softphone, token or call.")
  private static let principal: Option<String?> = .optional(
    "principal", .text("WHO"),
    "Only what was done by: token:tok_…, identity:NAME, anonymous or system.")
  private static let action: Option<String?> = .optional(
    "action", .text("ACTION"),
    "Only: create, update, delete, assign, unassign, import, move, repair, force_delete, rotate, "
      + "sync, cancel, revoke, provision, release, place or hang_up.")
  private static let since: Option<Duration?> = .optional(
    "since", age, "Only the last so much time.")
  private static let until: Option<Duration?> = .optional(
    "until", age, "Only what is older than this.")
  private static let age: ArgumentType<Duration> = .duration(
    in: .zero ... .seconds(100 * 366 * 86_400))

  private static let listAudit = Command<SessionAction>.action(
    "ls", "Lists changes, newest first.",
    examples: [
      .init("trunkline audit ls --since 1d --action rotate", "Whose credentials changed today."),
      .init("trunkline audit ls --resource pn_… -o json", "A number's history, for a program."),
    ],
    options: [resource, type, principal, action, since, until, Shared.limit]
  ) { (arguments) throws(ArgumentError) in
    var request = V1.ListAuditEventsRequest()
    request.resourceID = try arguments.value(resource) ?? ""
    request.resourceType = try arguments.value(type) ?? ""
    request.principal = try arguments.value(principal) ?? ""
    request.action = try arguments.value(action) ?? ""
    let (youngest, oldest) = (try arguments.value(until), try arguments.value(since))
    let limit = try arguments.value(Shared.limit)
    let template = request
    return SessionAction { (session) async throws(CommandFailure) in
      // One moment for all pages: a page's token belongs to its filter.
      let now = session.now()
      var filter = template
      filter.startTime = oldest.map { .init(seconds: now - $0.components.seconds) }
      filter.endTime = youngest.map { .init(seconds: now - $0.components.seconds) }
      let client = V1.AuditServiceClient(channel: session.channel)
      let wanted = filter
      let all = try await session.pages(limit: limit) {
        (size, token) async throws(CommandFailure) in
        var request = wanted
        (request.pageSize, request.pageToken) = (size, token)
        let sent = request
        let page = try await session.call(.whenUnavailable(requestID: nil)) {
          (options) async throws(RPCError) in
          try await client.listAuditEvents(sent, options: options)
        }
        return (page.events, page.nextPageToken)
      }
      var answer = V1.ListAuditEventsResponse()
      (answer.events, answer.nextPageToken) = all
      try session.show(answer) { table($0.events) }
    }
  }

  private static func table(_ events: [V1.AuditEvent]) -> String {
    var table = Table(["TIME", "WHO", "ACTION", "RESOURCE", "CHANGES"])
    for event in events {
      table.append([
        event.time?.text ?? "", event.principal, event.action, event.resourceID,
        event.changes.map(text).joined(separator: "; "),
      ])
    }
    return table.text
  }

  private static func text(_ change: V1.AuditEvent.Change) -> String {
    if change.oldValue == change.newValue { return "\(change.field): \(change.newValue)" }
    return switch (change.oldValue.isEmpty, change.newValue.isEmpty) {
    case (true, _): "\(change.field): \(change.newValue)"
    case (false, true): "\(change.field): \(change.oldValue) → (unset)"
    case (false, false): "\(change.field): \(change.oldValue) → \(change.newValue)"
    }
  }
}
