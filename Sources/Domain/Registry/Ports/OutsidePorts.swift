package import Telephony

/// What numbers need that don't come by webhook.
package struct OutsidePorts: Sendable {
  package var trunks: any TrunkCarrier
  package var gateway: any SIPGateway
  package var credentials: any TrunkCredentials

  package init(
    trunks: any TrunkCarrier, gateway: any SIPGateway, credentials: any TrunkCredentials
  ) {
    self.trunks = trunks
    self.gateway = gateway
    self.credentials = credentials
  }
}

/// What a gateway authenticates with at a carrier's trunk, as a port of the keyring: made from a
/// number's id, so that no password need be kept. Answers from memory, from any executor.
package protocol TrunkCredentials: Sendable {
  /// At most 32 characters; another one for each key of the keyring.
  func username(for number: PhoneNumberID, generation: UInt32) -> String

  /// The password that belongs to a user name which this gave for the number: at least 12
  /// characters, among them a digit, a capital and a small letter. nil when its key is gone.
  func password(
    of username: String, for number: PhoneNumberID, generation: UInt32
  ) -> Secret?
}
