package import Telephony

/// Who owns resources, as far as the registry knows: tenants come with their first token.
package struct Tenant: Sendable, Hashable, Codable {
  package let id: TenantID
  package var displayName: String
  package let createTime: Timestamp

  package init(id: TenantID, displayName: String, createTime: Timestamp) {
    self.id = id
    self.displayName = displayName
    self.createTime = createTime
  }
}
