package import Access
package import Telephony

/// Who has to do something about an error.
package enum Fault: Sendable, Hashable {
  case caller
  /// The carrier, or the network to it.
  case peer
  case ours
}

/// A resource in an error.
package enum ResourceReference: Sendable, Hashable {
  case provider(ProviderID)
  case providerOfAccount(AccountSID, Region)
  case number(PhoneNumberID)
  case agent(AgentID)
  case token(APITokenID)
  case operation(OperationID)
  /// As the request named it.
  case tenant(String)
}

/// A number that a new key can't reach.
package struct UnreachableNumber: Sendable, Hashable {
  package var id: PhoneNumberID
  /// For the structured details only, which the owner gets.
  package var e164: E164
  /// The carrier's code, when it gave one.
  package var carrierCode: Int?

  package init(id: PhoneNumberID, e164: E164, carrierCode: Int?) {
    self.id = id
    self.e164 = e164
    self.carrierCode = carrierCode
  }
}

/// Why a use case did not do what was asked. One table in Services maps it to statuses.
package enum RegistryError: Error, Sendable, Hashable {
  /// At least one violation.
  case invalidArgument([FieldViolation])
  case notFound(ResourceReference)
  /// The account is linked in this region already: update that provider.
  case providerExists(ProviderID)
  /// The tenant has the number already, in the same region.
  case numberExists(PhoneNumberID)
  /// The tenant has the number in another region: move it.
  case numberInOtherRegion(PhoneNumberID, Region)
  /// Another tenant has the number; which one is not said.
  case numberClaimed
  case agentExists(AgentID)
  /// The etag that was sent is not the resource's present one.
  case etagMismatch(ResourceReference)
  /// Other writers were faster each time.
  case contended(ResourceReference)
  /// Numbers that can't be given to an agent or taken from it, at most
  /// `RegistryLimits.unlinkedNumbersMax` of `total`; nothing was changed.
  case numbersNotLinked([LinkObstacle], total: Int)
  /// The number still has an agent: unassign it first.
  case numberAssigned(PhoneNumberID, AgentID)
  case providerInUse(ProviderID, numberCount: Int)
  /// Trunks and numbers name it as their gateway.
  case gatewayInUse(ProviderID, providerCount: Int, numberCount: Int)
  /// What a SIP trunk names as its gateway is none.
  case notAGateway(ProviderID)
  /// Nobody signals for a number of a SIP trunk.
  case noGateway(PhoneNumberID)
  /// Providers of this kind can't do it.
  case providerUnsuited(ProviderID, ProviderKindFilter)
  /// Other work on the provider goes on.
  case providerBusy(ProviderID, OperationID)
  case agentInUse(AgentID, numberCount: Int)
  /// The number's state forbids it.
  case numberBusy(PhoneNumberID, PhoneNumberState)
  /// Another work on the number goes on.
  case numberInWork(PhoneNumberID, OperationID)
  /// Only a corrupted number can be given up.
  case numberNotCorrupted(PhoneNumberID, PhoneNumberState)
  /// Nothing of ours is at the carrier for the number.
  case nothingToRepair(PhoneNumberID)
  /// A number on a trunk of its own can't be moved, and keeps its directions.
  case numberOnTrunk(PhoneNumberID)
  /// Numbers are being moved to the provider.
  case providerAwaited(ProviderID, PhoneNumberID)
  /// The provider's account has no such number; nil: of a provider that was not made for that.
  case numberNotAtCarrier(ProviderID?)
  /// The provider's account has the number that is to be bought.
  case numberOwned(ProviderID)
  /// The operator has no account for others' numbers.
  case platformMissing
  /// The provider is the operator's.
  case platformProvider(ProviderID)
  /// The number is the operator's: it is released and not deleted.
  case platformNumber(PhoneNumberID)
  /// The carrier sells no number that fits.
  case numberNotFound
  /// Only a number that was bought here is given up.
  case numberNotProvisioned(PhoneNumberID)
  /// The carrier's number can't take voice calls.
  case numberWithoutVoice(ProviderID?)
  /// The region has no public URL, so that the carrier could not reach us there.
  case regionNotServed(Region)
  /// The credentials belong to another account.
  case accountMismatch(expected: AccountSID, owner: AccountSID)
  /// The new key reaches not all numbers; nothing was changed. At most
  /// `RegistryLimits.unreachableNumbersMax` of `total`.
  case numbersUnreachable([UnreachableNumber], total: Int, of: OperationID?)
  /// Credentials are staged: promote or roll back first.
  case credentialStaged(ProviderID)
  /// What was promoted last can still be rolled back.
  case credentialReplaced(ProviderID, until: Timestamp)
  /// Nothing is staged, and nothing can be put back.
  case credentialNotStaged(ProviderID)
  /// The carrier refused the staged credentials when live traffic used them.
  case credentialRefused(ProviderID)
  /// The credentials are good in `valid` and not in `asked`.
  case credentialsOfOtherRegion(asked: Region, valid: Region)
  /// The carrier did not do it. Nothing is left there.
  case carrier(CarrierFailure)
  /// A SIP gateway did not do it. Nothing is left there.
  case gateway(CarrierFailure)
  /// What was being written at the carrier was undone, or could not be: then the number is
  /// corrupted.
  case provisioningFailed(PhoneNumberID, ProvisioningFailure, leftovers: [Leftover])
  /// A token can't be given what its maker does not have.
  case scopeNotHeld(Scope)
  /// What was asked needs more than the method: a provider would be made, or numbers be linked.
  case scopeMissing(Scope)
  /// The tenant has as many of the kind as it may have.
  case quotaExceeded(CountedKind, countMax: Int)
  /// What follows the place of a watch is no longer known: begin with a snapshot.
  case resumeTokenExpired
  /// The tenant, or all of them, watch as often as may be.
  case tooManyWatchers
  /// Too many works on numbers go on; nothing was begun.
  case tooManyOperations
  /// It is over, or its changes can't be undone any more.
  case operationNotCancellable(OperationID, ProvisioningKind, isOver: Bool)
  /// Somebody cancelled it.
  case operationCancelled(OperationID)
  /// A diagnosis of the tenant, or as many as may be, go on.
  case tooManyDiagnoses
  /// A trial of the provider's credentials, or as many as may be, go on; nothing was changed.
  case tooManyTrials
  /// The store can't be reached or can't write now. Whether a write was done is not known; with a
  /// request id it is safe to repeat. The cause is for the caller: it names no machine.
  case storeUnavailable(cause: String)
  /// What is stored can't be read, or breaks its own rules: repeating helps nobody.
  case storeDamaged(cause: String)
  /// The registry is stopping. Work that began goes on after the next start.
  case shuttingDown
  /// The caller went away. Work that began goes on.
  case cancelled
  /// A rule of ours is broken. The text is for logs.
  case internalError(String)
}

/// A carrier's refusal, as the registry tells it.
package struct CarrierFailure: Sendable, Hashable {
  package var kind: CarrierError.Kind
  package var effect: CarrierError.Effect
  package var code: Int?
  package var message: String
  package var retryAfter: Duration?

  package init(_ error: CarrierError) {
    self.kind = error.kind
    self.effect = error.effect
    self.code = error.code
    self.message = error.message
    self.retryAfter = error.retryAfter
  }
}
