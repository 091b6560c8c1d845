internal import Registry
internal import Telephony

/// Reads a number's document in a small part of the time that `JSONDecoder` takes, which for a page
/// of numbers would be most of the call's.
///
/// It knows the one form that ``StoredDocument`` writes today. Of any other, as of an earlier or a
/// later version or with an escaped text, it makes nothing, and `JSONDecoder` has the word.
enum NumberDocument {
  static func decode(_ bytes: [UInt8]) -> PhoneNumber? {
    var reader = DocumentReader(bytes)
    guard let number = reader.number(), reader.isAtEnd else { return nil }
    return number
  }
}

extension DocumentReader {
  /// The members in the order of their names, as they are written; those that may be absent have an
  /// `if`.
  fileprivate mutating func number() -> PhoneNumber? {
    guard take("{\"accountSID\":"), let accountSID: AccountSID = identifier() else { return nil }
    var agentID: AgentID?
    if take(",\"agentID\":") {
      guard let text = text(), let id = try? AgentID(text) else { return nil }
      agentID = id
    }
    guard take(",\"carrierSID\":"), let carrierSID: CarrierNumberSID = identifier(),
      take(",\"conditions\":"), let conditions = list({ $0.condition() })
    else { return nil }
    var configured: VoiceSettings?
    if take(",\"configured\":") {
      guard let voice = voice() else { return nil }
      configured = voice
    }
    guard take(",\"e164\":"), let digits = text(), let e164 = try? E164(digits) else { return nil }
    var former: FormerSettings?
    if take(",\"former\":") {
      guard let settings = formerSettings() else { return nil }
      former = settings
    }
    var gatewayProviderID: ProviderID?
    if take(",\"gatewayProviderID\":") {
      guard let id: ProviderID = identifier() else { return nil }
      gatewayProviderID = id
    }
    guard take(",\"id\":"), let id: PhoneNumberID = identifier(),
      take(",\"ingress\":"), let ingress: Ingress = word(),
      take(",\"label\":"), let label = text(),
      take(",\"labels\":"), let labels = texts(),
      take(",\"leftovers\":"), let leftovers = list({ $0.leftover() })
    else { return nil }
    var resources: [ExternalResource] = []
    if take(",\"madeResources\":") {
      guard let made = list({ $0.resource() }) else { return nil }
      resources = made
    }
    var pendingProviderID: ProviderID?
    if take(",\"pendingProviderID\":") {
      guard let id: ProviderID = identifier() else { return nil }
      pendingProviderID = id
    }
    guard take(",\"providerID\":"), let providerID: ProviderID = identifier() else {
      return nil
    }
    var purchase: NumberPurchase?
    if take(",\"purchase\":") {
      guard let word: NumberPurchase = word() else { return nil }
      purchase = word
    }
    guard take(",\"region\":"), let region: Region = word(),
      take(",\"revision\":"), let revision = revision(),
      take(",\"state\":"), let state: PhoneNumberState = word(),
      take(",\"supportsInbound\":"), let supportsInbound = flag(),
      take(",\"supportsOutbound\":"), let supportsOutbound = flag(),
      take(",\"tenant\":"), let tenant: TenantID = identifier(),
      take(",\"unassignedPolicy\":"), let policy: UnassignedPolicy = word(),
      take(",\"webhookGeneration\":"),
      let generation = integer().flatMap({ UInt32(exactly: $0) }), take("}")
    else { return nil }
    return PhoneNumber(
      id: id, tenant: tenant, label: label, e164: e164, providerID: providerID,
      accountSID: accountSID, region: region, carrierSID: carrierSID, ingress: ingress,
      supportsInbound: supportsInbound, supportsOutbound: supportsOutbound, agentID: agentID,
      unassignedPolicy: policy, state: state, conditions: conditions, leftovers: leftovers,
      former: former, configured: configured, webhookGeneration: generation, labels: labels,
      revision: revision, pendingProviderID: pendingProviderID,
      gatewayProviderID: gatewayProviderID, resources: resources, purchase: purchase)
  }

  private mutating func resource() -> ExternalResource? {
    guard take("{\"externalID\":"), let externalID = text(),
      take(",\"kind\":"), let kind: StepKind = word(), kind.isResource,
      take(",\"name\":"), let name = text(),
      take(",\"providerID\":"), let providerID: ProviderID = identifier(),
      take(",\"region\":"), let region: Region = word(),
      take(",\"value\":"), let value = text(), take("}")
    else { return nil }
    return ExternalResource(
      kind, providerID: providerID, region: region, name: name, value: value,
      externalID: externalID)
  }

  private mutating func condition() -> Condition? {
    guard take("{\"holds\":"), let holds = flag(),
      take(",\"kind\":"), let kind: Condition.Kind = word(),
      take(",\"message\":"), let message = text(),
      take(",\"observedTime\":"), let time = time(),
      take(",\"reason\":"), let reason = text(), take("}")
    else { return nil }
    return Condition(
      kind: kind, holds: holds, reason: reason, message: message, observedTime: time)
  }

  private mutating func voice() -> VoiceSettings? {
    guard take("{\"applicationSID\":"), let applicationSID = text(),
      take(",\"fallbackMethod\":"), let fallbackMethod: VoiceSettings.Method = word(),
      take(",\"fallbackURL\":"), let fallbackURL = text(),
      take(",\"statusCallbackMethod\":"), let callbackMethod: VoiceSettings.Method = word(),
      take(",\"statusCallbackURL\":"), let callbackURL = text(),
      take(",\"trunkSID\":"), let trunkSID = text(),
      take(",\"voiceMethod\":"), let voiceMethod: VoiceSettings.Method = word(),
      take(",\"voiceURL\":"), let voiceURL = text(), take("}")
    else { return nil }
    return VoiceSettings(
      voiceURL: voiceURL, voiceMethod: voiceMethod, fallbackURL: fallbackURL,
      fallbackMethod: fallbackMethod, statusCallbackURL: callbackURL,
      statusCallbackMethod: callbackMethod, applicationSID: applicationSID, trunkSID: trunkSID)
  }

  private mutating func formerSettings() -> FormerSettings? {
    guard take("{") else { return nil }
    var firstVoice: VoiceSettings?
    if take("\"firstVoice\":") {
      guard let read = voice(), take(",") else { return nil }
      firstVoice = read
    }
    var region: Region?
    if take("\"processingRegion\":") {
      guard let read: Region = word(), take(",") else { return nil }
      region = read
    }
    guard take("\"recordedTime\":"), let time = time(),
      take(",\"voice\":"), let voice = voice(), take("}")
    else { return nil }
    return FormerSettings(
      voice: voice, processingRegion: region, recordedTime: time, firstVoice: firstVoice)
  }

  private mutating func leftover() -> Leftover? {
    guard take("{") else { return nil }
    var code: Int?
    if take("\"carrierCode\":") {
      guard let read = integer(), take(",") else { return nil }
      code = Int(read)
    }
    guard take("\"kind\":"), let kind: StepKind = word(),
      take(",\"region\":"), let region: Region = word()
    else { return nil }
    var made: ExternalResource?
    if take(",\"resource\":") {
      guard let read = resource() else { return nil }
      made = read
    }
    guard take("}") else { return nil }
    return Leftover(kind: kind, region: region, carrierCode: code, resource: made)
  }

  private mutating func revision() -> Revision? {
    guard take("{\"createTime\":"), let createTime = time(),
      take(",\"updateTime\":"), let updateTime = time(),
      take(",\"version\":"), let version = integer().flatMap({ Version(exactly: $0) }), take("}")
    else { return nil }
    return Revision(version: version, createTime: createTime, updateTime: updateTime)
  }
}
