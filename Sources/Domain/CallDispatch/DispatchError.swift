package import Telephony

/// Everything that a use case of call dispatch may answer with instead of its result.
///
/// `Services` maps each to a status; no text here holds a number or a secret.
package enum DispatchError: Error, Sendable, Hashable {
  /// One field of a request and what is wrong with it.
  package struct Violation: Sendable, Hashable {
    /// As the contract names it: `outbound_calls[3].to_number`.
    package let field: String
    package let message: String

    package init(_ field: String, _ message: String) {
      self.field = field
      self.message = message
    }
  }

  // The caller's.

  /// The request is wrong, at these fields. Nothing was done.
  case invalid([Violation])
  case callNotFound(CallID)
  case numberNotFound(PhoneNumberID)
  case agentNotFound(AgentID)
  /// The number can't place calls now.
  case numberNotReady(PhoneNumberID, NumberObstacle)
  /// Neither the request nor the number names an agent.
  case agentMissing(PhoneNumberID)
  /// The call lives in a region that this dispatch does not serve.
  case otherRegion(Region)
  /// What followed the token's change is not kept any more, or it is of another deployment, tenant
  /// or version.
  case resumeTokenExpired
  /// A watcher did not read as fast as calls changed. It may go on from the token.
  case watcherTooSlow(resumeToken: String)
  /// A webhook that is not the carrier's, or not ours any more.
  case webhookRefused(WebhookRefusal)
  /// The calling task was cancelled. What was committed goes on.
  case cancelled

  // The carrier's.

  case carrierRefused(CarrierRefusal)
  /// The carrier gave no answer; a hang-up goes on being tried.
  case carrierUnavailable

  // Ours.

  /// No snapshot of the routes has come yet.
  case routesNotReady
  case credentials(ProviderID, CredentialError)
  /// No URL is configured that the carrier could call in this region.
  case publicURLMissing(Region)
  case storeUnavailable
  /// What is stored can't be read: repeating helps nobody.
  case storeDamaged(cause: String)
  /// Others changed the same call again and again.
  case contention(CallID)
  case tooManyWatchers
  case shuttingDown
}

/// Why a number can't place calls.
package enum NumberObstacle: String, Sendable, Hashable, CaseIterable {
  /// It is used for inbound calls only, or being set up or removed.
  case outboundOff = "outbound_off"
  /// It is of a SIP trunk, whose calls a gateway places; no carrier's account may be asked to.
  case dialledByGateway = "dialled_by_gateway"
  /// Its provider is not known here.
  case providerMissing = "provider_missing"
}

/// Why one destination of PlaceCalls was not queued. The others are not touched by it.
package enum DestinationError: String, Error, Sendable, Hashable, CaseIterable {
  /// Not E.164.
  case malformed
  /// No number of that country has this length.
  case impossible
  /// It reaches an emergency service.
  case emergency
  /// Charged above the normal rate, which is not allowed here.
  case premium
  /// The number calls one country alone, and this is in another.
  case otherCountry = "other_country"
  /// The number that would call.
  case sameAsFrom = "same_as_from"
  /// Named by an earlier entry of the same request.
  case repeated
  /// An earlier call there has an unknown outcome; until that is settled none is dialled.
  case attemptUnresolved = "attempt_unresolved"
}

/// Why a webhook was refused. The answer is 403, whichever it is.
package enum WebhookRefusal: String, Sendable, Hashable, CaseIterable {
  /// No such token, or no longer.
  case tokenUnknown = "token_unknown"
  case signatureMissing = "signature_missing"
  case signatureWrong = "signature_wrong"
  /// The form names another account, number or call than the token.
  case subjectMismatch = "subject_mismatch"
}
