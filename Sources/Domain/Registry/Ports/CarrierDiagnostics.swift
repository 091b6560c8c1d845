package import Telephony

/// What a diagnosis asks a carrier beyond ``Carrier``, as a port. The Twilio adapter implements it,
/// and the fake in TestKit.
///
/// Every method only reads, sends to the host of `access.region` and no other, and keeps the rules
/// of ``Carrier`` for repeats, cancellation and executors.
package protocol CarrierDiagnostics: Sendable {
  /// Tries the right to read calls with the least request that needs it.
  func tryCalls(_ access: CarrierAccess) async throws(CarrierError)

  /// What the account may dial in a country. Kind `.notFound` when the carrier knows no such
  /// country.
  func dialingPermission(
    for country: CountryCode, _ access: CarrierAccess
  ) async throws(CarrierError) -> DialingPermission

  /// A trunk with what hangs on it. Kind `.notFound` when the account has none of that name in this
  /// region.
  func trunk(
    _ sid: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunk
}

/// A country by ISO 3166 alpha-2, in capitals: `US`.
package struct CountryCode: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let description: String

  /// nil unless the text is two letters A–Z. Whether there is such a country, the carrier says.
  package init?(_ text: String) {
    guard text.utf8.count == 2, text.utf8.allSatisfy({ (65...90).contains($0) }) else {
      return nil
    }
    description = text
  }

  package static func < (left: CountryCode, right: CountryCode) -> Bool {
    left.description < right.description
  }
}

/// Which numbers of a country an account may call.
package struct DialingPermission: Sendable, Hashable {
  /// Ordinary numbers.
  package var lowRisk: Bool
  /// Special services: premium, shared cost, satellite.
  package var highRiskSpecial: Bool
  /// Ranges that are known for toll fraud.
  package var highRiskTollFraud: Bool

  package init(lowRisk: Bool, highRiskSpecial: Bool = false, highRiskTollFraud: Bool = false) {
    self.lowRisk = lowRisk
    self.highRiskSpecial = highRiskSpecial
    self.highRiskTollFraud = highRiskTollFraud
  }
}

/// An Elastic SIP trunk as the carrier has it, as far as a diagnosis needs it.
package struct CarrierTrunk: Sendable, Hashable {
  /// TLS and SRTP are demanded.
  package var isSecure: Bool
  package var hasCredentialList: Bool
  /// An access list of IP addresses.
  package var hasAddressList: Bool
  /// Origination URLs, those that are switched off too.
  package var originationCount: Int
  package var enabledOriginationCount: Int
  /// The termination domain, `….pstn.twilio.com`; empty for none.
  package var domainName: String

  package init(
    isSecure: Bool, hasCredentialList: Bool, hasAddressList: Bool, originationCount: Int,
    enabledOriginationCount: Int, domainName: String = ""
  ) {
    self.domainName = domainName
    self.isSecure = isSecure
    self.hasCredentialList = hasCredentialList
    self.hasAddressList = hasAddressList
    self.originationCount = originationCount
    self.enabledOriginationCount = enabledOriginationCount
  }
}
