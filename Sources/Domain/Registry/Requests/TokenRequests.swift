package import Telephony

package struct CreateToken: Sendable {
  /// In place of a tenant's id: make a tenant.
  package static let newTenant = "new"

  package var displayName: String
  package var scopes: [String]
  /// nil: it never expires.
  package var expireTime: Timestamp?
  /// Empty: the caller's own.
  package var tenantID: String
  package var requestID: String

  package init(
    displayName: String = "", scopes: [String], expireTime: Timestamp? = nil,
    tenantID: String = "", requestID: String = ""
  ) {
    self.displayName = displayName
    self.scopes = scopes
    self.expireTime = expireTime
    self.tenantID = tenantID
    self.requestID = requestID
  }
}

/// Which part of the audit log is asked for; what is empty takes all.
package struct ListAuditEvents: Sendable {
  package var page: PageRequest
  package var resourceType: String
  package var resourceID: String
  package var principal: String
  package var action: String
  package var since: Timestamp?
  package var until: Timestamp?

  package init(
    page: PageRequest = PageRequest(), resourceType: String = "", resourceID: String = "",
    principal: String = "", action: String = "", since: Timestamp? = nil, until: Timestamp? = nil
  ) {
    self.page = page
    self.resourceType = resourceType
    self.resourceID = resourceID
    self.principal = principal
    self.action = action
    self.since = since
    self.until = until
  }
}
