package import Telephony

/// Makes the URLs that the carrier calls for a number, as a port of the configuration and the
/// keyring.
///
/// Answers from memory, from any executor. The same arguments give the same settings until the
/// public URL is changed.
package protocol WebhookEndpoints: Sendable {
  /// The settings to write at the carrier: voice URL of `region`, fallback URL of another region
  /// where there is one, status callback; all with the number's unguessable token of `generation`.
  func voiceSettings(
    of number: PhoneNumberID, region: Region, generation: UInt32
  ) -> VoiceSettings

  /// Regions whose public URL is configured; a number can be made inbound in no other.
  var regions: Set<Region> { get }
}
