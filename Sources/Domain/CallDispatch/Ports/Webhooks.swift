package import Telephony

/// What a webhook's path carries instead of a name: 128 bits that nobody can guess.
///
/// Whoever knows it may speak for the carrier where no Auth Token is held, so no log may hold it.
package struct WebhookToken: Sendable, Hashable {
  private enum Kind: IdentifierKind { static let prefix = "" }

  private let value: HexIdentifier<Kind>

  package init(bits: UInt128) {
    self.value = HexIdentifier(bits: bits)
  }

  /// 32 lower-case hex digits.
  package init(_ text: some StringProtocol) throws(IdentifierError) {
    self.value = try HexIdentifier(text)
  }

  package var bits: UInt128 { value.bits }

  /// For a URL that the carrier gets.
  package var text: String { value.description }
}

extension WebhookToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<webhook token>" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Makes and checks tokens: HMAC-SHA256 under a named key of the keyring, cut to 128 bits.
///
/// The same subject has the same token as long as the key is the current one. Answers from memory.
package protocol WebhookTokens: Sendable {
  /// The token of a number's webhooks, under the current key. The registry writes it to the carrier
  /// and publishes its generation in the number's route; a new generation makes the earlier ones
  /// worthless.
  func token(forNumber number: PhoneNumberID, generation: UInt32) -> WebhookToken

  /// Whether the token is the number's, of this generation, under any key that still counts; looks
  /// at every bit.
  func accepts(
    _ token: WebhookToken, forNumber number: PhoneNumberID, generation: UInt32
  ) -> Bool

  /// The token of an outbound call's own webhooks, under the current key.
  func token(forCall call: CallID) -> WebhookToken

  /// Whether the token is the call's under any key that still counts; looks at every bit.
  func accepts(_ token: WebhookToken, forCall call: CallID) -> Bool
}

/// The carrier's signature over a webhook (X-Twilio-Signature), as `facts/telephony.md` 4.5.
package protocol WebhookSigner: Sendable {
  /// Whether `signature` was made with `token` over this request, in any of the forms that the
  /// carrier uses. Compares in constant time.
  func accepts(
    _ signature: String, url: String, parameters: [WebhookParameter], token: Secret
  ) -> Bool
}

/// One form field of a webhook.
package struct WebhookParameter: Sendable, Hashable {
  package let name: String
  package let value: String

  package init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// What every webhook brings beside its form's meaning.
package struct WebhookRequest: Sendable, Hashable {
  package let path: WebhookPath
  /// As the carrier saw it: the configured public URL, path and query; never from the Host header.
  package let url: String
  /// All form fields, for the signature.
  package let parameters: [WebhookParameter]
  package let signature: String?

  package init(
    path: WebhookPath, url: String, parameters: [WebhookParameter], signature: String?
  ) {
    self.path = path
    self.url = url
    self.parameters = parameters
    self.signature = signature
  }
}

/// What the carrier's voice webhook says.
package struct VoiceWebhook: Sendable, Hashable {
  package var account: AccountSID
  package var carrierCallID: CarrierCallSID
  package var from: String
  package var to: String

  package init(account: AccountSID, carrierCallID: CarrierCallSID, from: String, to: String) {
    self.account = account
    self.carrierCallID = carrierCallID
    self.from = from
    self.to = to
  }
}

/// What the carrier's status callback says.
package struct StatusWebhook: Sendable, Hashable {
  package var account: AccountSID
  package var carrierCallID: CarrierCallSID
  package var status: CarrierCallStatus
  /// Counts a call's callbacks from 0; nil where the carrier sent none.
  package var sequence: Int?
  /// When it happened, by the carrier's clock.
  package var time: Timestamp?
  package var sipCode: Int?
  /// The carrier's error, on a failed call.
  package var carrierCode: Int?
  /// Whole seconds from the answer to the end.
  package var durationSeconds: Int?

  package init(
    account: AccountSID, carrierCallID: CarrierCallSID, status: CarrierCallStatus,
    sequence: Int? = nil, time: Timestamp? = nil, sipCode: Int? = nil, carrierCode: Int? = nil,
    durationSeconds: Int? = nil
  ) {
    self.account = account
    self.carrierCallID = carrierCallID
    self.status = status
    self.sequence = sequence
    self.time = time
    self.sipCode = sipCode
    self.carrierCode = carrierCode
    self.durationSeconds = durationSeconds
  }
}
