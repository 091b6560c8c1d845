package import Telephony

/// The operator's own account, on which tenants without one of their own get numbers.
///
/// A tenant has a sub-account of it, which its ``Provider/platformID(of:)`` holds the credentials
/// of. Its numbers are of ``country``, and call there alone.
package struct PlatformAccount: Sendable, Hashable {
  /// The country of platform numbers and of whom they call.
  package static let country = "US"

  /// The provider that holds the operator's credentials, of whatever tenant: an Auth Token, which
  /// alone may make sub-accounts and move numbers between them.
  package var providerID: ProviderID
  /// Numbers that a tenant may have unless `slotsByTenant` says otherwise. What exceeds a number
  /// that was lowered stays.
  package var slots: Int
  package var slotsByTenant: [TenantID: Int]

  package init(
    providerID: ProviderID, slots: Int = 0, slotsByTenant: [TenantID: Int] = [:]
  ) {
    self.providerID = providerID
    self.slots = slots
    self.slotsByTenant = slotsByTenant
  }

  /// How many platform numbers a tenant may have.
  package func slots(of tenant: TenantID) -> Int { slotsByTenant[tenant] ?? slots }
}

/// Whose account a provider is. The raw value is stored.
package enum ProviderOwner: String, Sendable, Hashable, Codable {
  /// The operator's: the tenant sees none of its credentials, and does not change it.
  case platform
}

extension Provider {
  /// A sub-account of the operator's, for its tenant's numbers.
  package var isPlatform: Bool { owner == .platform }

  /// The provider of a tenant's sub-account, once it has one: made of the tenant's id, so that two
  /// first purchases at once make one.
  package static func platformID(of tenant: TenantID) -> ProviderID {
    ProviderID(high: tenant.high, low: tenant.low)
  }
}

extension Provider {
  /// The operator's credentials opened: the Auth Token, which alone reaches sub-accounts. nil when
  /// there is none, or this can't be the operator's account.
  func operatorAccess(_ sealer: any SecretSealer) throws(SealingError) -> CarrierAccess? {
    guard !isPlatform, region == .us1, case .twilio(let twilio) = configuration,
      let sealed = twilio.authToken
    else { return nil }
    let token = try sealer.open(sealed, .authToken(id), of: secretOwner, with: dataKey)
    return CarrierAccess(
      accountSID: twilio.accountSID, region: region, credentials: .authToken(token))
  }
}

/// A sub-account at the carrier.
package struct SubAccount: Sendable, Equatable {
  package var sid: AccountSID
  package var authToken: Secret

  package init(sid: AccountSID, authToken: Secret) {
    self.sid = sid
    self.authToken = authToken
  }
}
