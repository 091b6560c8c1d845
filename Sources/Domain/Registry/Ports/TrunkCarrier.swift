package import Telephony

/// A carrier's SIP trunks and what hangs on them, as a port. The Twilio adapter implements it, and
/// the fake in TestKit.
///
/// Every method sends to the hosts of `access.region` and no other, and keeps the rules of
/// ``Carrier`` for repeats, cancellation and executors; what deletes is repeated like what reads.
/// What is made bears a name of ours, by which it is found again when the answer that told its SID
/// was lost: a caller looks for it first, and makes it when it is not there. A deletion of what is
/// not there succeeds.
package protocol TrunkCarrier: Sendable {
  /// The trunk of exactly this friendly name; nil when the account has none in the region.
  func findTrunk(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunkSID?

  /// Makes a trunk. Kind `.conflict` when another has the domain, which is unique at the carrier.
  ///
  /// - Parameters:
  ///   - name: its friendly name, 1 to 64 characters.
  ///   - domain: the termination domain, `….pstn.twilio.com`, where calls to the world are sent to.
  ///   - isSecure: TLS and SRTP are demanded.
  func createTrunk(
    named name: String, domain: String, isSecure: Bool, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunkSID

  func deleteTrunk(_ sid: CarrierTrunkSID, _ access: CarrierAccess) async throws(CarrierError)

  /// The origination URL of exactly this friendly name on the trunk.
  func findOriginationURL(
    named name: String, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierOriginationURL?

  /// Makes the trunk send inbound calls to `sipURL` (`sip:host;transport=tls`), with priority and
  /// weight 10.
  func createOriginationURL(
    named name: String, sipURL: String, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> OriginationURLSID

  func deleteOriginationURL(
    _ sid: OriginationURLSID, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError)

  /// The credential list of exactly this friendly name.
  func findCredentialList(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CredentialListSID?

  func createCredentialList(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CredentialListSID

  /// With all credentials in it. Kind `.conflict` while a trunk uses it.
  func deleteCredentialList(
    _ sid: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError)

  /// The list has a credential of this user name, at most 32 characters.
  func hasCredential(
    _ username: String, in list: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> Bool

  /// - Parameter password: at least 12 characters, among them a digit, a capital and a small
  ///   letter. The carrier never gives it back.
  func createCredential(
    _ username: String, password: Secret, in list: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError)

  /// Whoever calls through the trunk must authenticate by the list.
  func isAttached(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> Bool

  func attach(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError)

  func detach(
    _ list: CredentialListSID, from trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError)

  /// Sends the number's calls to the trunk: in us1 under the trunk, in other regions, which have no
  /// such endpoint, by the number's record. It removes an application there, and the record's URLs
  /// are not asked any more. ``Carrier/fetchNumber(_:_:)`` tells which trunk a number has, and
  /// ``Carrier/configureNumber(_:voice:_:)`` puts back what stood before.
  func attach(
    _ number: CarrierNumberSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError)
}

/// An origination URL as the carrier has it.
package struct CarrierOriginationURL: Sendable, Hashable {
  package var sid: OriginationURLSID
  package var sipURL: String
  package var isEnabled: Bool

  package init(sid: OriginationURLSID, sipURL: String, isEnabled: Bool) {
    self.sid = sid
    self.sipURL = sipURL
    self.isEnabled = isEnabled
  }
}
