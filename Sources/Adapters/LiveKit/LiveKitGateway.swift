package import HTTPClient
internal import LiveKitAPI
package import Registry
package import Telephony

/// A LiveKit server's SIP service, as the registry's port.
package struct LiveKitGateway: SIPGateway {
  private let transport: TwirpTransport

  /// The most requests that one look for a name takes. The server gives all that it has in one
  /// answer, or as many as it likes.
  static let listRequestCountMax = 100

  package init(client: some HTTPSending, time: some TimeSource) {
    transport = TwirpTransport(client: client, time: time)
  }

  package func probe(_ access: GatewayAccess) async throws(CarrierError) {
    _ = try await inboundTrunks(.init(page: .init(limit: 1)), access)
  }

  // MARK: Inbound trunks

  package func findInboundTrunk(
    named name: String, numbers: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayInboundTrunk? {
    let found = try await find(named: name) {
      (page) async throws(CarrierError) -> [Livekit.SIPInboundTrunkInfo] in
      try await inboundTrunks(.init(page: page, numbers: numbers), access)
    }
    guard let found else { return nil }
    return try GatewayInboundTrunk(found)
  }

  package func createInboundTrunk(
    _ trunk: GatewayInboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) -> String {
    let made: Livekit.SIPInboundTrunkInfo = try await transport.call(
      "CreateSIPInboundTrunk", Livekit.CreateSIPInboundTrunkRequest(trunk: .init(trunk)),
      repeats: .whenNotDone, access)
    return try Self.id(made.sipTrunkID)
  }

  package func replaceInboundTrunk(
    _ id: String, by trunk: GatewayInboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) {
    let request = Livekit.UpdateSIPInboundTrunkRequest(
      sipTrunkID: id, action: .replace(.init(trunk)))
    let _: Livekit.SIPInboundTrunkInfo = try await transport.call(
      "UpdateSIPInboundTrunk", request, repeats: .whenNotDone, access)
  }

  private func inboundTrunks(
    _ request: Livekit.ListSIPInboundTrunkRequest, _ access: GatewayAccess
  ) async throws(CarrierError) -> [Livekit.SIPInboundTrunkInfo] {
    let answer: Livekit.ListSIPInboundTrunkResponse = try await transport.call(
      "ListSIPInboundTrunk", request, repeats: .always, access)
    return answer.items
  }

  // MARK: Outbound trunks

  package func findOutboundTrunk(
    named name: String, numbers: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayOutboundTrunk? {
    let found = try await find(named: name) {
      (page) async throws(CarrierError) -> [Livekit.SIPOutboundTrunkInfo] in
      let answer: Livekit.ListSIPOutboundTrunkResponse = try await transport.call(
        "ListSIPOutboundTrunk",
        Livekit.ListSIPOutboundTrunkRequest(page: page, numbers: numbers), repeats: .always,
        access)
      return answer.items
    }
    guard let found else { return nil }
    return try GatewayOutboundTrunk(found)
  }

  package func createOutboundTrunk(
    _ trunk: GatewayOutboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) -> String {
    let made: Livekit.SIPOutboundTrunkInfo = try await transport.call(
      "CreateSIPOutboundTrunk", Livekit.CreateSIPOutboundTrunkRequest(trunk: .init(trunk)),
      repeats: .whenNotDone, access)
    return try Self.id(made.sipTrunkID)
  }

  package func replaceOutboundTrunk(
    _ id: String, by trunk: GatewayOutboundTrunk, _ access: GatewayAccess
  ) async throws(CarrierError) {
    let request = Livekit.UpdateSIPOutboundTrunkRequest(
      sipTrunkID: id, action: .replace(.init(trunk)))
    let _: Livekit.SIPOutboundTrunkInfo = try await transport.call(
      "UpdateSIPOutboundTrunk", request, repeats: .whenNotDone, access)
  }

  package func deleteTrunk(_ id: String, _ access: GatewayAccess) async throws(CarrierError) {
    try await delete { () async throws(CarrierError) in
      let _: Livekit.SIPTrunkInfo = try await transport.call(
        "DeleteSIPTrunk", Livekit.DeleteSIPTrunkRequest(sipTrunkID: id), repeats: .always, access)
    }
  }

  // MARK: Dispatch rules

  package func findDispatchRule(
    named name: String, trunks: [String], _ access: GatewayAccess
  ) async throws(CarrierError) -> GatewayDispatchRule? {
    let found = try await find(named: name) {
      (page) async throws(CarrierError) -> [Livekit.SIPDispatchRuleInfo] in
      let answer: Livekit.ListSIPDispatchRuleResponse = try await transport.call(
        "ListSIPDispatchRule", Livekit.ListSIPDispatchRuleRequest(page: page, trunkIDs: trunks),
        repeats: .always, access)
      return answer.items
    }
    return found.map { GatewayDispatchRule($0) }
  }

  package func createDispatchRule(
    _ rule: GatewayDispatchRule, _ access: GatewayAccess
  ) async throws(CarrierError) -> String {
    let made: Livekit.SIPDispatchRuleInfo = try await transport.call(
      "CreateSIPDispatchRule", Livekit.CreateSIPDispatchRuleRequest(dispatchRule: .init(rule)),
      repeats: .whenNotDone, access)
    return try Self.id(made.sipDispatchRuleID)
  }

  package func deleteDispatchRule(
    _ id: String, _ access: GatewayAccess
  ) async throws(CarrierError) {
    try await delete { () async throws(CarrierError) in
      let _: Livekit.SIPDispatchRuleInfo = try await transport.call(
        "DeleteSIPDispatchRule", Livekit.DeleteSIPDispatchRuleRequest(sipDispatchRuleID: id),
        repeats: .always, access)
    }
  }

  // MARK: What they share

  /// The first entry of that name. A page that is short says nothing: a server may cut a list
  /// before it filters it, so that only an empty one is the end.
  private func find<Item: ListedEntry>(
    named name: String,
    _ list: (Livekit.Pagination?) async throws(CarrierError) -> [Item]
  ) async throws(CarrierError) -> Item? {
    var last = ""
    for _ in 0..<Self.listRequestCountMax {
      let items = try await list(last.isEmpty ? nil : .init(afterID: last))
      if let found = items.first(where: { $0.name == name }) { return found }
      // A server without pages gives the same entries again.
      let next = items.map(\.listedID).max { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      guard let next, last.utf8.lexicographicallyPrecedes(next.utf8) else { return nil }
      last = next
    }
    throw CarrierError(
      .conflict, effect: .refused,
      message: "The server's list did not end after \(Self.listRequestCountMax) requests.")
  }

  private func delete(
    _ body: () async throws(CarrierError) -> Void
  ) async throws(CarrierError) {
    do {
      try await body()
    } catch {
      guard error.kind == .notFound else { throw error }
    }
  }

  private static func id(_ text: String) throws(CarrierError) -> String {
    guard !text.isEmpty else { throw .unreadable("The server's answer names no id.") }
    return text
  }
}

/// An entry of one of the server's lists.
private protocol ListedEntry {
  /// By which the list is in order.
  var listedID: String { get }
  var name: String { get }
}

extension Livekit.SIPInboundTrunkInfo: ListedEntry {
  fileprivate var listedID: String { sipTrunkID }
}

extension Livekit.SIPOutboundTrunkInfo: ListedEntry {
  fileprivate var listedID: String { sipTrunkID }
}

extension Livekit.SIPDispatchRuleInfo: ListedEntry {
  fileprivate var listedID: String { sipDispatchRuleID }
}
