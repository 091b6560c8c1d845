internal import Access
package import Registry
internal import Telephony

/// A route as it stands in the feed's table, beside the resource it was made from: a dispatch that
/// starts reads a million numbers, which as JSON would take it half a minute.
///
/// A number is its fields, in order, each ended by U+001F, which none of them can hold; the others
/// are JSON.
package enum RouteDocument {
  /// What the feed publishes; the raw value is stored.
  package enum Kind: String, Sendable {
    case number, provider, agent, token
  }

  /// What can't be read back.
  package struct Damaged: Error {}

  package static func encode(_ entry: RouteEntry) -> [UInt8] {
    switch entry {
    case .number(let number): encode(number)
    case .provider(let provider): StoredDocument.encode(provider)
    case .agent(let agent): StoredDocument.encode(agent)
    case .token(let token): StoredDocument.encode(token)
    }
  }

  package static func decode(_ kind: Kind, _ bytes: [UInt8]) throws(Damaged) -> RouteEntry {
    switch kind {
    case .number: return .number(try number(bytes))
    case .provider: return .provider(try json(bytes))
    case .agent: return .agent(try json(bytes))
    case .token: return .token(try json(bytes))
    }
  }

  private static func json<Value: Decodable>(_ bytes: [UInt8]) throws(Damaged) -> Value {
    do throws(StoredDocument.Damaged) {
      return try StoredDocument.decode(Value.self, bytes)
    } catch {
      throw Damaged()
    }
  }

  // MARK: Numbers

  private static let end = UInt8(0x1f)
  private static let fieldCount = 15

  private static func encode(_ number: NumberRoute) -> [UInt8] {
    let fields = [
      number.id.description, number.tenant.description, number.e164.text,
      number.carrierSID.description, number.providerID.description, number.accountSID.description,
      number.region.rawValue, number.agentID?.description ?? "", flag(number.supportsInbound),
      flag(number.supportsOutbound), number.state.rawValue, number.unassignedPolicy.rawValue,
      number.formerVoiceURL, number.formerVoiceMethod.rawValue, "\(number.webhookGeneration)",
    ]
    // Only while it is being moved: a version before does not know the field.
    let pending = number.pendingProviderID.map { [$0.description] } ?? []
    var bytes: [UInt8] = []
    bytes.reserveCapacity(fields.reduce(fields.count) { $0 + $1.utf8.count })
    for field in fields + pending {
      // A carrier's URL is whatever stood there: one that could break the row is no URL.
      bytes += field.utf8.contains(end) ? [] : Array(field.utf8)
      bytes.append(end)
    }
    return bytes
  }

  private static func flag(_ flag: Bool) -> String { flag ? "1" : "0" }

  private static func number(_ bytes: [UInt8]) throws(Damaged) -> NumberRoute {
    let fields = bytes.split(separator: end, omittingEmptySubsequences: false)
    let isPending = fields.count == fieldCount + 2
    guard isPending || fields.count == fieldCount + 1 else { throw Damaged() }
    let pending = isPending ? try? ProviderID(utf8: fields[fieldCount]) : nil
    guard isPending == (pending != nil) else { throw Damaged() }
    func text(_ index: Int) -> String { String(decoding: fields[index], as: UTF8.self) }
    guard let id = try? PhoneNumberID(utf8: fields[0]), let tenant = try? TenantID(utf8: fields[1]),
      let e164 = try? E164(text(2)), let carrierSID = try? CarrierNumberSID(utf8: fields[3]),
      let providerID = try? ProviderID(utf8: fields[4]),
      let accountSID = try? AccountSID(utf8: fields[5]), let region = Region(rawValue: text(6)),
      let state = PhoneNumberState(rawValue: text(10)),
      let policy = UnassignedPolicy(rawValue: text(11)),
      let method = VoiceSettings.Method(rawValue: text(13)), let generation = UInt32(text(14))
    else { throw Damaged() }
    let agentID = try? AgentID(text(7))
    guard agentID != nil || fields[7].isEmpty else { throw Damaged() }
    return NumberRoute(
      id: id, tenant: tenant, e164: e164, carrierSID: carrierSID, providerID: providerID,
      accountSID: accountSID, region: region, agentID: agentID,
      supportsInbound: text(8) == "1", supportsOutbound: text(9) == "1", state: state,
      unassignedPolicy: policy, formerVoiceURL: text(12), formerVoiceMethod: method,
      webhookGeneration: generation, pendingProviderID: pending)
  }
}
