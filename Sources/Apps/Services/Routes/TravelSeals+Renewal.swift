internal import API
internal import Registry
internal import Telephony

/// What a dispatch keeps comes under the key that was the registry's when it was sent. Before that
/// key may be removed it is sealed anew, under the dispatch's own present key.
extension TravelSeals {
  /// The entry with every password under the present key; nil when each is already, or can't be
  /// opened.
  func renewed(
    _ entry: Trunkline.Internal.V1.RouteEntry
  ) -> Trunkline.Internal.V1.RouteEntry? {
    guard case .agent(var agent) = entry.entry, let id = try? AgentID(agent.id),
      let tenant = try? TenantID(agent.tenantID)
    else { return nil }
    var isRenewed = false
    for index in agent.connections.indices {
      guard case .sip(var sip) = agent.connections[index].endpoint,
        let password = renewed(sip.password, .sipPassword(id, tenant))
      else { continue }
      sip.password = password
      agent.connections[index].endpoint = .sip(sip)
      isRenewed = true
    }
    guard isRenewed else { return nil }
    var entry = entry
    entry.entry = .agent(agent)
    return entry
  }

  /// The lease with its secrets under the present key; nil when all are already, or can't be
  /// opened.
  func renewed(
    _ lease: Trunkline.Internal.V1.LeaseCredentialResponse
  ) -> Trunkline.Internal.V1.LeaseCredentialResponse? {
    guard var credential = lease.credential, let provider = try? ProviderID(credential.providerID)
    else { return nil }
    var isRenewed = false
    func renew(_ sealed: inout Trunkline.Internal.V1.Sealed?, _ field: CredentialField) {
      guard let next = renewed(sealed, field) else { return }
      sealed = next
      isRenewed = true
    }
    renew(&credential.apiKeySecret, .apiKeySecret(provider))
    renew(&credential.authToken, .authToken(provider))
    renew(&credential.previousAuthToken, .previousAuthToken(provider))
    if var staged = credential.staged {
      renew(&staged.apiKeySecret, .stagedAPIKeySecret(provider))
      renew(&staged.authToken, .stagedAuthToken(provider))
      credential.staged = staged
    }
    guard isRenewed else { return nil }
    var lease = lease
    lease.credential = credential
    return lease
  }

  /// A step of the feed with its passwords under the present key.
  func renewing(
    _ response: Trunkline.Internal.V1.WatchRoutesResponse
  ) -> Trunkline.Internal.V1.WatchRoutesResponse {
    var response = response
    switch response.step {
    case .entries(var entries):
      entries.entries = entries.entries.map { renewed($0) ?? $0 }
      response.step = .entries(entries)
    case .change(var change):
      guard case .entry(let entry) = change.change, let next = renewed(entry) else {
        return response
      }
      change.change = .entry(next)
      response.step = .change(change)
    default: break
    }
    return response
  }

  private func renewed(
    _ sealed: Trunkline.Internal.V1.Sealed?, _ field: CredentialField
  ) -> Trunkline.Internal.V1.Sealed? {
    guard let sealed, sealed.keyName != sealer.currentKeyName,
      let opened = try? sealer.open(SealedSecret(sealed), associatedData: field.associatedData),
      let next = try? sealer.seal(opened, associatedData: field.associatedData)
    else { return nil }
    return Trunkline.Internal.V1.Sealed(next)
  }
}
