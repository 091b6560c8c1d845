internal import Telephony

extension RegistryError {
  /// Who has to do something about it.
  package var fault: Fault {
    switch self {
    case .invalidArgument, .notFound, .providerExists, .numberExists, .numberInOtherRegion,
      .numberClaimed, .agentExists, .etagMismatch, .contended, .numberAssigned, .numbersNotLinked,
      .providerInUse,
      .agentInUse, .numberBusy, .numberInWork, .numberNotCorrupted, .nothingToRepair,
      .numberOnTrunk, .providerAwaited, .providerBusy, .platformMissing, .platformProvider,
      .platformNumber, .numberOwned, .numberNotFound, .numberNotProvisioned,
      .numberNotAtCarrier, .numberWithoutVoice, .regionNotServed,
      .accountMismatch, .credentialsOfOtherRegion, .numbersUnreachable, .credentialStaged,
      .credentialReplaced, .credentialNotStaged, .credentialRefused, .scopeNotHeld, .gatewayInUse,
      .notAGateway, .noGateway, .providerUnsuited,
      .scopeMissing, .quotaExceeded, .cancelled, .resumeTokenExpired, .tooManyWatchers,
      .tooManyDiagnoses, .tooManyTrials, .operationNotCancellable, .operationCancelled:
      .caller
    case .carrier, .gateway, .provisioningFailed: .peer
    case .tooManyOperations, .storeUnavailable, .storeDamaged, .shuttingDown, .internalError: .ours
    }
  }
}

extension RegistryError: CustomStringConvertible {
  /// Cause and remedy, for the caller. Holds no full phone number and no secret.
  package var description: String {
    switch self {
    case .invalidArgument(let violations):
      violations.map { "\($0.field): \($0.description)" }.joined(separator: " ")
    case .notFound(let resource): "There is no \(resource)."
    case .providerExists(let id):
      "This account is linked in this region already, as \(id). Update that provider instead."
    case .numberExists(let id):
      "You have this number already, as \(id). Use that one, or delete it first."
    case .numberInOtherRegion(let id, let region):
      "You have this number already, as \(id) in \(region). Delete it there before you import it "
        + "here: a number is in one region."
    case .numberClaimed:
      "Somebody else has imported this number. It must be deleted there first."
    case .agentExists(let id):
      "The id \(id) is taken by another \(id.kind.noun). Update it, or take another id."
    case .etagMismatch(let resource):
      "Somebody else changed \(resource) since you read it. Read it again, then repeat."
    case .contended(let resource):
      "Others kept changing \(resource) at the same time. Repeat the request."
    case .numberAssigned(let id, let agent):
      "\(id) is assigned to \(agent.kind.noun) \(agent). Unassign it first."
    case .numbersNotLinked(let obstacles, let total):
      "\(total) numbers can't be linked or unlinked; nothing was changed. "
        + obstacles.prefix(3).map(\.description).joined(separator: " ")
    case .providerInUse(let id, let count):
      "\(id) has \(count) phone numbers. Delete those first."
    case .gatewayInUse, .notAGateway, .noGateway, .providerUnsuited: Self.unsuited(self)
    case .providerBusy(let id, let operation):
      "\(operation) works on \(id). Wait for its end."
    case .agentInUse(let id, let count):
      "\(count) phone numbers are assigned to \(id.kind.noun) \(id). Unassign those first."
    case .numberBusy(let id, let state): Self.busy(id, state)
    case .numberInWork(let id, let operation):
      "\(operation) works on \(id). Wait until it is over."
    case .numberNotCorrupted(let id, let state):
      "\(id) is \(state.rawValue). Only a corrupted number can be given up; delete it."
    case .numberOnTrunk(let id):
      "\(id) has a trunk of its own, made for its region and its directions. Delete it, and import "
        + "it anew as it is to be."
    case .nothingToRepair(let id):
      "Nothing of ours is at the carrier for \(id): it takes no inbound calls."
    case .providerAwaited(let id, let number):
      "\(number) is being moved to \(id). Wait until that is over."
    case .numberNotAtCarrier(let id):
      "The account\(id.map { " of \($0)" } ?? "") does not hold this number. "
        + "ListProviderNumbers shows what it holds."
    case .numberWithoutVoice(let id):
      "The carrier's number in the account\(id.map { " of \($0)" } ?? "") can't take or place "
        + "voice calls."
    case .scopeMissing(let scope):
      "What was asked for needs the scope \(scope), too."
    case .regionNotServed(let region):
      "No public URL is configured for \(region). Start the server with --public-url \(region)=…"
    case .accountMismatch(let expected, let owner):
      "The credentials belong to \(owner) and not to \(expected). Give those of \(expected)."
    case .credentialsOfOtherRegion(let asked, let valid):
      "The credentials are good in \(valid), not in \(asked). Link the account in \(valid), or "
        + "take credentials that were made in \(asked)."
    case .numbersUnreachable(_, let total, _):
      "The new credentials do not reach \(total) of the provider's numbers. Nothing was changed."
    case .credentialStaged(let id):
      "Credentials are staged for \(id). Promote them, or roll them back, first."
    case .credentialReplaced(let id, let until):
      "What was promoted for \(id) can be rolled back until \(until.rfc3339). Roll it back, or "
        + "wait until then, or give the new credentials with an update, which takes them at once."
    case .credentialNotStaged(let id):
      "No credentials are staged for \(id), and none can be put back. Stage some first."
    case .credentialRefused(let id):
      "The carrier refused the staged credentials of \(id) when calls used them. Roll them back, "
        + "and stage others."
    case .carrier(let failure): failure.description
    case .gateway(let failure): failure.gatewayDescription
    case .provisioningFailed(let id, let failure, let leftovers):
      Self.failed(id, failure, leftovers)
    case .numberOwned(let id):
      "The account of \(id) has this number already. Import it."
    case .platformMissing:
      "The operator sells no numbers here. Give provider_id, to buy on an account of your own."
    case .platformProvider(let id):
      "\(id) is the operator's. Its numbers are bought, used and released; nothing else is done."
    case .platformNumber(let id): "\(id) is the operator's. Release it, which gives it back."
    case .numberNotFound:
      "The carrier sells no number that fits. Search with other criteria."
    case .numberNotProvisioned(let id):
      "\(id) was imported and not bought here, so that it is not given up here. Delete it."
    case .scopeNotHeld(let scope):
      "A token can't be given the scope \(scope): its maker does not have it."
    case .quotaExceeded(let kind, let countMax):
      "The tenant has \(countMax) \(kind.plural), and may have no more. Delete one first, or have "
        + "the quota raised."
    case .resumeTokenExpired:
      "What follows the token is no longer kept. Watch again without one."
    case .tooManyWatchers: "Too many watch. End another watch first."
    case .tooManyOperations:
      "Too many imports and deletions go on. Repeat the request in a while."
    case .operationNotCancellable(let id, _, let isOver):
      isOver ? "\(id) is over." : "\(id) has come too far to be cancelled. Wait for its end."
    case .operationCancelled(let id): "\(id) was cancelled."
    case .tooManyDiagnoses: "Another diagnosis goes on. Repeat the request when it has ended."
    case .tooManyTrials:
      "Other credentials are being tried; nothing was changed. Repeat the request when that has "
        + "ended."
    case .storeUnavailable(let cause):
      "The database can't be used now: \(cause). Repeat; with a request id that is safe."
    case .storeDamaged(let cause):
      "What the database holds can't be used: \(cause). A backup or an export brings it back."
    case .shuttingDown:
      "The server is stopping. Repeat the request; what has begun goes on after the next start."
    case .cancelled: "The request was cancelled. What has begun goes on."
    case .internalError: "The server broke a rule of its own. Its log says more."
    }
  }

  private static func busy(_ id: PhoneNumberID, _ state: PhoneNumberState) -> String {
    switch state {
    case .provisioning: "\(id) is being imported. Wait until that has ended."
    case .deleting: "\(id) is being deleted."
    case .corrupted:
      "\(id) is corrupted: its leftovers are still at the carrier. Repair it, or give it up."
    case .active, .degraded: "\(id) is \(state.rawValue), which does not allow this."
    }
  }

  private static func failed(
    _ id: PhoneNumberID, _ failure: ProvisioningFailure, _ leftovers: [Leftover]
  ) -> String {
    let code = failure.carrierCode.map { " (carrier code \($0))" } ?? ""
    let cause = "The number could not be set up at the carrier: \(failure.cause.reason)\(code)."
    return leftovers.isEmpty
      ? cause + " Everything was put back."
      : cause + " Not everything could be put back: see the leftovers of \(id); repair it."
  }
}

extension LinkObstacle: CustomStringConvertible {
  package var description: String {
    switch reason {
    case .missing: "There is no phone number \(id)."
    case .assigned(let holder):
      "\(id) is assigned to \(holder.kind.noun) \(holder): unassign it first."
    case .state(let state): "\(id) is \(state.rawValue)."
    }
  }
}

extension ResourceReference: CustomStringConvertible {
  package var description: String {
    switch self {
    case .provider(let id): "provider \(id)"
    case .providerOfAccount(let account, let region): "provider of \(account) in \(region)"
    case .number(let id): "phone number \(id)"
    case .agent(let id): "\(id.kind.noun) \(id)"
    case .token(let id): "token \(id)"
    case .operation(let id): "operation \(id)"
    case .tenant(let name): "tenant \(name)"
    }
  }
}

extension CountedKind {
  /// For texts.
  package var plural: String {
    switch self {
    case .provider: "providers"
    case .number: "phone numbers"
    case .agent: "agents"
    case .token: "tokens"
    case .platformNumber: "platform numbers"
    }
  }
}

extension CarrierFailure: CustomStringConvertible {
  package var description: String {
    let code = code.map { " (carrier code \($0))" } ?? ""
    let cause =
      switch kind {
      case .credentialsRefused:
        "The carrier refused the credentials\(code). Check key, secret and region: a key is good "
          + "in its own region only."
      case .keyUnknown: "The carrier has no such API key\(code). Check it."
      case .testCredentials:
        "The credentials are for tests\(code). Take an API key or the token of the live account."
      case .keyRestricted:
        "The API key is restricted and may not do this\(code). Let it read and update numbers, "
          + "routes and calls, or take a standard key."
      case .accountInactive: "The carrier's account is suspended or closed\(code)."
      case .notPermitted: "The credentials are good but may not do this\(code)."
      case .notFound: "The carrier has nothing of that name in this account and region\(code)."
      case .invalidRequest: "The carrier refused the request\(code)."
      case .conflict: "The state of the number at the carrier forbids this\(code)."
      case .notForSale:
        "The carrier does not sell this number, or none that fits\(code). Search again."
      case .papersMissing:
        "The carrier wants an address or papers of the buyer\(code). Register them there, and give "
          + "address_sid or bundle_sid."
      case .purchaseRefused: "The carrier's account may not buy numbers\(code). Ask the carrier."
      case .limited: "The carrier limits requests\(code). Repeat the request in a while."
      case .unavailable: "The carrier can't be reached\(code). Repeat the request in a while."
      case .unreadableAnswer: "The carrier gave an answer that can't be read\(code)."
      }
    return message.isEmpty ? cause : "\(cause) It said: \(message)"
  }
}
