package import Telephony

/// Opened credentials with the account and the region where they hold.
///
/// Lives as long as one use case; nothing keeps it.
package struct CarrierAccess: Sendable {
  package var accountSID: AccountSID
  package var region: Region
  package var credentials: CarrierCredentials

  package init(accountSID: AccountSID, region: Region, credentials: CarrierCredentials) {
    self.accountSID = accountSID
    self.region = region
    self.credentials = credentials
  }
}

/// What authenticates at the carrier.
package enum CarrierCredentials: Sendable, Equatable {
  case apiKey(sid: APIKeySID, secret: Secret)
  case authToken(Secret)
}

/// A number as the carrier has it, in the region that was asked.
package struct CarrierNumber: Sendable, Hashable {
  package var sid: CarrierNumberSID
  /// The account that owns it.
  package var accountSID: AccountSID
  package var e164: E164
  package var friendlyName: String
  /// It can be called and can call.
  package var hasVoice: Bool
  package var voice: VoiceSettings

  package init(
    sid: CarrierNumberSID, accountSID: AccountSID, e164: E164, friendlyName: String,
    hasVoice: Bool, voice: VoiceSettings
  ) {
    self.sid = sid
    self.accountSID = accountSID
    self.e164 = e164
    self.friendlyName = friendlyName
    self.hasVoice = hasVoice
    self.voice = voice
  }
}

/// One page of the numbers at a carrier.
package struct CarrierNumberPage: Sendable, Hashable {
  package var numbers: [CarrierNumber]
  /// The carrier's own token, at most `RegistryLimits.carrierPageTokenLengthMax` bytes; nil at the
  /// end.
  package var next: String?

  package init(numbers: [CarrierNumber], next: String?) {
    self.numbers = numbers
    self.next = next
  }
}

/// A carrier's account interface, as a port. The Twilio adapter implements it, and the fake in
/// TestKit.
///
/// Every method sends to the host of `access.region` and no other. All of them may be repeated: the
/// two that write set a state. An implementation repeats by itself only where nothing was done, a
/// bounded number of times within a few seconds; longer waits belong to the caller. Cancellation of
/// the calling task ends the wait with `.unknown` when the request was already sent. Callable from
/// any executor.
package protocol Carrier: Sendable {
  /// Tries the credentials with the least that they must be able to do, and gives the account that
  /// owns them. A standard API key may not read the account itself, so its numbers are asked for.
  func probe(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID

  /// The account that the credentials belong to, whatever `access.accountSID` says. Only a main key
  /// or an Auth Token may ask this; others are refused as wrong ones are.
  func owner(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID

  /// At most `size` numbers (1–1000) from `token` on, in the carrier's order.
  func listNumbers(
    from token: String?, size: Int, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumberPage

  /// The number of the account with exactly this E.164 form; nil when the account has none.
  func findNumber(
    _ e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber?

  /// The number by its SID. Kind `.notFound` when the account or the region has none.
  func fetchNumber(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber

  /// Writes all of `voice` to the number's record in the region, empty fields too, and gives the
  /// record as the carrier then has it.
  func configureNumber(
    _ sid: CarrierNumberSID, voice: VoiceSettings, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber

  /// The inbound processing region of the number, whichever region it is; nil when unset, which
  /// means us1 (the carrier answers 404).
  func processingRegion(
    of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> Region?

  /// Sets the inbound processing region. It can't be unset again: us1 means the same.
  func setProcessingRegion(
    _ region: Region, of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError)
}

/// Why the carrier did not do what was asked, and whether it did something.
package struct CarrierError: Error, Sendable, Hashable {
  package enum Kind: Sendable, Hashable, CaseIterable {
    /// Key, secret, token or their region are wrong (401; 20003, 20006).
    case credentialsRefused
    /// A SIP gateway has no such API key; of a key that it has, the secret is wrong.
    case keyUnknown
    /// The credentials are for tests, which reach no number (20008).
    case testCredentials
    /// A restricted key that was not given what this needs (403 with 20003).
    case keyRestricted
    /// The account is suspended or closed (10001, 20005).
    case accountInactive
    /// The credentials are good but may not do this.
    case notPermitted
    /// Nothing of that name in this account and region (20404).
    case notFound
    /// The carrier refused the values that were sent.
    case invalidRequest
    /// The state of the thing forbids it.
    case conflict
    /// Nobody can buy the number, or no number fits (21422, 21452).
    case notForSale
    /// The carrier wants an address or a bundle of papers of the buyer (21615, 21631, 21649).
    case papersMissing
    /// The account may not buy (21404, 22300).
    case purchaseRefused
    /// Too many requests; nothing was done (429, 20429).
    case limited
    /// Down, unreachable or slow: 5xx, a lost connection, a timeout.
    case unavailable
    /// An answer that can't be read.
    case unreadableAnswer
  }

  /// What may have happened at the carrier.
  package enum Effect: Sendable, Hashable {
    /// The request never left.
    case beforeSend
    /// The carrier answered that it did nothing.
    case refused
    /// It may or may not have been done.
    case unknown
  }

  package var kind: Kind
  package var effect: Effect
  /// The carrier's own error code, e.g. 20003.
  package var code: Int?
  /// What the carrier said; the adapter has taken out numbers and secrets.
  package var message: String
  package var retryAfter: Duration?
  /// How far the clock of who answered is ahead of ours; nil when it was not told.
  package var clockDifference: Duration?

  package init(
    _ kind: Kind, effect: Effect, code: Int? = nil, message: String = "",
    retryAfter: Duration? = nil, clockDifference: Duration? = nil
  ) {
    self.clockDifference = clockDifference
    self.kind = kind
    self.effect = effect
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }

  /// The same request may succeed later.
  package var isTransient: Bool {
    switch kind {
    case .limited, .unavailable, .unreadableAnswer: true
    case .credentialsRefused, .keyUnknown, .testCredentials, .keyRestricted, .accountInactive,
      .notPermitted, .notFound, .invalidRequest, .conflict, .notForSale, .papersMissing,
      .purchaseRefused:
      false
    }
  }
}
