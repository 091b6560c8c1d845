package import Telephony

/// On whose behalf a use case runs: made when a call was authenticated, and given to every use case
/// in place of a bare tenant.
package struct Caller: Sendable, Hashable {
  /// Whose resources there are for this caller; all others do not exist.
  package let tenant: TenantID
  package let principal: Principal
  package let scopes: Scopes
  /// The transport's address of the peer, `ipv4:127.0.0.1:4711`; empty for our own work.
  package let peer: String
  /// The method called, `trunkline.v1.AgentService/CreateAgent`, or `background`.
  package let method: String
  /// The call's trace, 32 hex digits; nil when it has none.
  package let traceID: String?

  package init(
    tenant: TenantID, principal: Principal, scopes: Scopes, peer: String = "",
    method: String = Caller.background, traceID: String? = nil
  ) {
    self.tenant = tenant
    self.principal = principal
    self.scopes = scopes
    self.peer = peer
    self.method = method
    self.traceID = traceID
  }

  /// What stands for the method of our own work.
  package static let background = "background"

  /// Our own work in the background for a tenant.
  package static func system(for tenant: TenantID) -> Caller {
    Caller(tenant: tenant, principal: .system, scopes: .all)
  }

  /// The same caller on behalf of another tenant: what the operator may do.
  package func acting(for other: TenantID) -> Caller {
    Caller(
      tenant: other, principal: principal, scopes: scopes, peer: peer, method: method,
      traceID: traceID)
  }

  /// The operator: an administrator of the deployment's first tenant. Only they make tokens for
  /// other tenants, and tokens with the scope `dispatch`.
  package var isOperator: Bool { tenant == .main && scopes.contains(Scopes(.admin)) }

  /// Whether the caller may do what needs `scope`.
  package func may(_ scope: Scope) -> Bool { scopes.allow(scope) }
}
