internal import CallDispatch
package import Keyring
package import Registry
package import Telephony

/// The URLs that carriers call for a number: the public URL of its region, and its token.
package struct WebhookURLs: WebhookEndpoints {
  private let publicURLs: PublicURLs
  private let tokens: KeyringWebhookTokens
  package let regions: Set<Region>

  package init(publicURLs: [Region: String], tokens: KeyringWebhookTokens) {
    self.publicURLs = PublicURLs(publicURLs)
    self.tokens = tokens
    regions = Set(publicURLs.keys)
  }

  package func voiceSettings(
    of number: PhoneNumberID, region: Region, generation: UInt32
  ) -> VoiceSettings {
    let token = tokens.token(forNumber: number, generation: generation)
    let voice = WebhookPath.number(number, token, .voice)
    let status = WebhookPath.number(number, token, .status)
    // Another region's dispatch may answer when this one does not: it has the routes of all
    // regions. It can check a signature only where it serves this region too.
    let other = regions.filter { $0 != region }.sorted().first
    return VoiceSettings(
      voiceURL: publicURLs.url(of: voice, in: region) ?? "",
      fallbackURL: other.flatMap { publicURLs.url(of: voice, in: $0) } ?? "",
      statusCallbackURL: publicURLs.url(of: status, in: region) ?? "")
  }
}
