internal import LiveKitAPI
internal import Telephony
internal import WellKnown

/// A LiveKit server's Twirp interface: `POST /twirp/{package.Service}/{Method}`.
extension SimulatorState {
  /// Carries a request out. Nil: the answer comes later, by itself.
  mutating func twirp(_ request: SimulatorRequest, _ id: RequestID) -> SimulatorAnswer? {
    do throws(TwirpError) {
      guard let segments = request.segments, segments.count == 3, segments[0] == "twirp" else {
        throw TwirpError(.badRoute, "no handler for path \(request.path)")
      }
      let grants = try AccessToken.check(
        request.authorization, keys: livekit.keys, now: wall)
      guard request.method == "POST" else {
        throw TwirpError(.badRoute, "unsupported method \(request.method) (only POST is allowed)")
      }
      guard let encoding = TwirpEncoding(contentType: request.contentType) else {
        throw TwirpError(
          .badRoute, "unexpected Content-Type: \(request.contentType ?? "there is none")")
      }
      let call = TwirpCall(
        method: segments[2], encoding: encoding, body: request.body, grants: grants, id: id)
      switch segments[1] {
      case "livekit.SIP": return try sipService(call)
      case "livekit.AgentDispatchService": return try dispatchService(call)
      case "livekit.RoomService": return try roomService(call)
      default: throw TwirpError(.badRoute, "no handler for path \(request.path)")
      }
    } catch {
      return error.answer
    }
  }

  private mutating func sipService(_ call: TwirpCall) throws(TwirpError) -> SimulatorAnswer? {
    switch call.method {
    case "CreateSIPParticipant":
      try call.grants.requireSIPCall()
      return try createSIPParticipant(call)
    case "TransferSIPParticipant":
      try call.grants.requireSIPCall()
      return try transferSIPParticipant(call)
    default: break
    }
    try call.grants.requireSIPAdmin()
    switch call.method {
    case "CreateSIPInboundTrunk":
      return try call.answer { (request) throws(TwirpError) in try createInboundTrunk(request) }
    case "UpdateSIPInboundTrunk":
      return try call.answer { (request) throws(TwirpError) in try updateInboundTrunk(request) }
    case "GetSIPInboundTrunk":
      return try call.answer { (request) throws(TwirpError) in try getInboundTrunk(request) }
    case "ListSIPInboundTrunk":
      return try call.answer { (request) throws(TwirpError) in try listInboundTrunks(request) }
    case "CreateSIPOutboundTrunk":
      return try call.answer { (request) throws(TwirpError) in try createOutboundTrunk(request) }
    case "UpdateSIPOutboundTrunk":
      return try call.answer { (request) throws(TwirpError) in try updateOutboundTrunk(request) }
    case "GetSIPOutboundTrunk":
      return try call.answer { (request) throws(TwirpError) in try getOutboundTrunk(request) }
    case "ListSIPOutboundTrunk":
      return try call.answer { (request) throws(TwirpError) in try listOutboundTrunks(request) }
    case "DeleteSIPTrunk":
      return try call.answer { (request) throws(TwirpError) in try deleteTrunk(request) }
    case "CreateSIPDispatchRule":
      return try call.answer { (request) throws(TwirpError) in try createRule(request) }
    case "UpdateSIPDispatchRule":
      return try call.answer { (request) throws(TwirpError) in try updateRule(request) }
    case "ListSIPDispatchRule":
      return try call.answer { (request) throws(TwirpError) in try listRules(request) }
    case "DeleteSIPDispatchRule":
      return try call.answer { (request) throws(TwirpError) in try deleteRule(request) }
    default: throw TwirpError(.badRoute, "no handler for path livekit.SIP/\(call.method)")
    }
  }

  // MARK: What the services share

  /// The server's way to name things: a prefix and twelve characters that can't be mistaken.
  mutating func livekitID(_ prefix: String) -> String {
    let letters = Array("23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    return prefix + String((0..<12).map { _ in letters.randomElement(using: &random) ?? "2" })
  }

  var livekitTime: Google.Protobuf.Timestamp {
    let (seconds, rest) = now.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return .init(seconds: seconds, nanos: Int32(rest) * 1000)
  }

  /// The part of a list that is asked for, in the order of the ids.
  func livekitPage<Item>(
    _ items: [Item], _ page: Livekit.Pagination?, id: (Item) -> String
  ) throws(TwirpError) -> [Item] {
    let limit = Int(page?.limit ?? 0)
    guard limit >= 0 else { throw .invalid("the page's limit is negative") }
    let after = page?.afterID ?? ""
    let rest = items.filter { id($0) > after }.sorted { id($0) < id($1) }
    let bound = SimulatorLimits.livekitPageMax
    return Array(rest.prefix(limit == 0 ? bound : min(limit, bound)))
  }

  /// `list` after the change.
  func changed(
    _ list: [String], _ change: Livekit.ListUpdate?
  ) throws(TwirpError) -> [String] {
    guard let change else { return list }
    let isSet = !change.set.isEmpty
    let isChanged = !change.add.isEmpty || !change.remove.isEmpty
    guard [isSet, isChanged, change.clear].count(where: { $0 }) == 1 else {
      throw .invalid("a list is either set, or added to and removed from, or cleared")
    }
    if change.clear { return [] }
    if isSet { return change.set }
    var new = list.filter { !change.remove.contains($0) }
    for entry in change.add where !new.contains(entry) { new.append(entry) }
    return new
  }

  /// A number as it is compared: with its plus.
  static func normalized(_ number: String) -> String {
    number.isEmpty || number.hasPrefix("+") ? number : "+" + number
  }

  /// The entries, or one that stands for all.
  static func keys(_ numbers: [String]) -> [String] {
    numbers.isEmpty ? [""] : numbers.map(normalized)
  }
}
