internal import Telephony

/// Whether a webhook is the carrier's: decided from values, asks nobody.
enum WebhookAuthentication {
  /// What has to be checked before a webhook is believed.
  enum Requirement: Sendable, Hashable {
    /// The path's token, and a signature by one of the account's Auth Tokens.
    case tokenAndSignature
    /// The path's token alone; what it says is checked at the carrier afterwards.
    case token
  }

  /// Who sent a number's webhook.
  enum Sender: Sendable, Hashable {
    case provider(ProviderRoute)
    case refused(WebhookRefusal)
  }

  static func requirement(of provider: ProviderRoute) -> Requirement {
    provider.signsWebhooks ? .tokenAndSignature : .token
  }

  /// The provider whose number's webhook this is, as far as token and form go.
  ///
  /// While a number is being moved both its providers' regions may call: the token tells which.
  static func sender(
    to number: ResolvedNumber?, token: WebhookToken, account: AccountSID, to e164: String?,
    tokens: any WebhookTokens
  ) -> Sender {
    guard let number, let provider = provider(of: number, token: token, tokens: tokens) else {
      return .refused(.tokenUnknown)
    }
    guard account == provider.account, e164 == nil || e164 == number.route.e164.text else {
      return .refused(.subjectMismatch)
    }
    return .provider(provider)
  }

  private static func provider(
    of number: ResolvedNumber, token: WebhookToken, tokens: any WebhookTokens
  ) -> ProviderRoute? {
    let (id, generation) = (number.route.id, number.route.webhookGeneration)
    if let provider = number.provider,
      tokens.accepts(token, forNumber: id, generation: generation)
    {
      return provider
    }
    if let pending = number.pendingProvider,
      tokens.accepts(token, forNumber: id, generation: generation + 1)
    {
      return pending
    }
    return nil
  }

  /// The token is the one before or after the number's present one: a call that began before a
  /// move ended, or was undone, ends with it.
  static func isNeighbour(
    _ token: WebhookToken, of number: NumberRoute, tokens: any WebhookTokens
  ) -> Bool {
    let generation = number.webhookGeneration
    return tokens.accepts(token, forNumber: number.id, generation: generation &- 1)
      || tokens.accepts(token, forNumber: number.id, generation: generation &+ 1)
  }

  /// Nil when a call's own webhook may be believed, as far as token and form go.
  static func refusal(
    call: Call?, token: WebhookToken, account: AccountSID, tokens: any WebhookTokens
  ) -> WebhookRefusal? {
    guard let call, call.direction == .outbound, tokens.accepts(token, forCall: call.id) else {
      return .tokenUnknown
    }
    return account == call.account ? nil : .subjectMismatch
  }

  /// Nil when one of the tokens made the signature.
  static func refusal(
    signatureOf request: WebhookRequest, signingTokens: [Secret], signer: any WebhookSigner
  ) -> WebhookRefusal? {
    guard let signature = request.signature, !signature.isEmpty else { return .signatureMissing }
    let isSigned = signingTokens.contains { token in
      signer.accepts(
        signature, url: request.url, parameters: request.parameters, token: token)
    }
    return isSigned ? nil : .signatureWrong
  }
}
