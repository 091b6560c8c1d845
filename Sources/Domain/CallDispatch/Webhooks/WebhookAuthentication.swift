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

  static func requirement(of provider: ProviderRoute) -> Requirement {
    provider.signsWebhooks ? .tokenAndSignature : .token
  }

  /// Nil when the number's webhook may be believed, as far as token and form go.
  static func refusal(
    number: ResolvedNumber?, token: WebhookToken, account: AccountSID, to: String?,
    tokens: any WebhookTokens
  ) -> WebhookRefusal? {
    guard let number, let provider = number.provider,
      tokens.accepts(
        token, forNumber: number.route.id, generation: number.route.webhookGeneration)
    else { return .tokenUnknown }
    guard account == provider.account, to == nil || to == number.route.e164.text else {
      return .subjectMismatch
    }
    return nil
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
