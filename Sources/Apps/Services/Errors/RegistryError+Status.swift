internal import Access
internal import GRPC
internal import Registry
internal import Telephony

extension RPCError {
  /// The one table from the registry's errors to statuses (DESIGN, section 5).
  init(_ error: RegistryError) {
    self = ErrorDetails(error).error
  }
}

extension ErrorDetails {
  fileprivate init(_ error: RegistryError) {
    switch error {
    case .invalidArgument(let violations):
      self = Self.invalid(
        violations.map { ($0.field, $0.reason.rawValue, $0.description) })
    case .notFound(let resource): self = Self.notFound(resource)
    case .providerExists(let id):
      self = ErrorDetails(
        .alreadyExists, "PROVIDER_EXISTS",
        "The account is linked in this region already, as provider \(id). Update that provider.",
        metadata: ["provider_id": id.description]
      ).resource("trunkline.v1.Provider", id.description)
    case .numberExists(let id):
      self = ErrorDetails(
        .alreadyExists, "PHONE_NUMBER_EXISTS", "The number is imported already, as \(id).",
        metadata: ["phone_number_id": id.description]
      ).resource("trunkline.v1.PhoneNumber", id.description)
    case .numberInOtherRegion(let id, let region):
      self = ErrorDetails(
        .alreadyExists, "PHONE_NUMBER_IN_OTHER_REGION",
        "The number is imported in region \(region) already, as \(id). "
          + "Delete it there before it is imported here.",
        metadata: ["phone_number_id": id.description, "region": region.rawValue]
      ).resource("trunkline.v1.PhoneNumber", id.description)
    case .numberClaimed:
      self = Self.precondition(
        "NUMBER_CLAIMED", subject: "phone_number",
        "The carrier's number is held by somebody else in this deployment.")
    case .agentExists(let id):
      self = ErrorDetails(
        .alreadyExists, "\(id.kind.reasonPrefix)_EXISTS",
        "The id \(id) is taken by another \(id.kind.noun). Choose another id.",
        metadata: [id.kind.idField: id.description]
      ).resource(ResourceReference.agent(id).type, id.description)
    case .etagMismatch(let resource):
      self = ErrorDetails(
        .aborted, "ETAG_MISMATCH",
        "The etag is not the present one of \(resource.name). Read it again and repeat.",
        metadata: ["resource": resource.name])
    case .contended(let resource):
      self = ErrorDetails(
        .aborted, "CONTENDED", "Others changed \(resource.name) at the same time. Repeat.",
        metadata: ["resource": resource.name])
    case .numberAssigned, .numbersNotLinked, .providerInUse, .providerBusy, .agentInUse,
      .numberBusy, .numberInWork, .numberNotCorrupted, .nothingToRepair, .numberOnTrunk,
      .providerAwaited, .platformMissing, .platformProvider, .platformNumber, .numberOwned,
      .numberNotFound, .numberNotProvisioned,
      .numberNotAtCarrier, .numberWithoutVoice, .regionNotServed, .accountMismatch,
      .credentialsOfOtherRegion, .numbersUnreachable, .operationNotCancellable:
      self = Self.unmet(error)
    case .credentialStaged, .credentialReplaced, .credentialNotStaged, .credentialRefused:
      self = Self.credential(error)
    case .gatewayInUse, .notAGateway, .noGateway, .providerUnsuited: self = Self.kind(error)
    case .carrier(let failure): self = Self.carrier(failure)
    case .gateway(let failure): self = Self.gateway(failure)
    case .provisioningFailed(let id, let failure, let leftovers):
      self = Self.provisioning(.number(id), failure, leftovers)
    case .scopeNotHeld(let scope):
      self = ErrorDetails(
        .permissionDenied, "SCOPE_NOT_HELD",
        "A token can't be given the scope \(scope), which its maker lacks. Leave it out, or ask "
          + "somebody who has it.",
        metadata: ["scope": scope.rawValue])
    case .scopeMissing(let scope):
      self = ErrorDetails(
        .permissionDenied, "SCOPE_MISSING",
        scope == .providersWrite
          ? "A provider would be linked or changed, which needs the scope \(scope), which the "
            + "caller lacks. Take a token that has it."
          : "What was asked for needs the scope \(scope), too, which the caller lacks. Take a "
            + "token that has it.",
        metadata: ["scope": scope.rawValue])
    case .quotaExceeded(let kind, let countMax):
      self = ErrorDetails(
        .resourceExhausted, "QUOTA_EXCEEDED",
        "The tenant has \(countMax) \(kind.plural), and may have no more. Delete one first, or "
          + "have the quota raised.",
        metadata: ["quota": "\(kind.rawValue)s", "limit": String(countMax)]
      ).quota(subject: "\(kind.rawValue)s", "The limit is \(countMax).")
    case .resumeTokenExpired:
      self = ErrorDetails(
        .outOfRange, "RESUME_TOKEN_EXPIRED",
        "What follows the resume token is no longer kept, or the token is of another deployment. "
          + "Watch again without one.")
    case .tooManyWatchers:
      self = ErrorDetails(
        .resourceExhausted, "TOO_MANY_WATCHERS",
        "The tenant, or the server, has as many watchers as it may. End one first.")
    case .tooManyOperations:
      self = ErrorDetails(
        .resourceExhausted, "TOO_MANY_OPERATIONS",
        "Too many numbers are being set up or removed; nothing was begun. Repeat later."
      ).retry(after: nil)
    case .operationCancelled(let id):
      self = ErrorDetails(
        .cancelled, "OPERATION_CANCELLED",
        "Operation \(id) was cancelled; nothing was changed by it that is not told.",
        metadata: ["operation_id": id.description])
    case .tooManyDiagnoses:
      self = ErrorDetails(
        .resourceExhausted, "TOO_MANY_DIAGNOSES",
        "Another diagnosis goes on. Repeat the request when it has ended."
      ).retry(after: nil)
    case .tooManyTrials:
      self = ErrorDetails(
        .resourceExhausted, "TOO_MANY_TRIALS",
        "Other credentials are being tried; nothing was changed. Repeat the request when that has "
          + "ended."
      ).retry(after: nil)
    case .storeUnavailable(let cause):
      self = ErrorDetails(
        .unavailable, "STORE_UNAVAILABLE",
        "The store can't be used now: \(cause). With the same request_id it is safe to repeat."
      ).retry(after: nil)
    case .storeDamaged(let cause): self = Self.damaged(cause)
    case .shuttingDown:
      self = ErrorDetails(
        .unavailable, "SHUTTING_DOWN", "The server is stopping. Repeat at another one."
      ).retry(after: nil)
    case .cancelled:
      self = ErrorDetails(
        .cancelled, "CANCELLED", "The caller went away; what had begun goes on.")
    case .internalError:
      self = ErrorDetails(.internal, "INTERNAL", "The server broke a rule of its own.")
    }
  }

  /// INVALID_ARGUMENT with `google.rpc.BadRequest`; the text names the first field.
  static func invalid(
    _ violations: [(field: String, reason: String, description: String)]
  ) -> ErrorDetails {
    let first = violations.first.map { "\($0.field): \($0.description)" } ?? "The request is wrong."
    let more = violations.count > 1 ? " (\(violations.count - 1) more)" : ""
    return ErrorDetails(.invalidArgument, "INVALID_ARGUMENT", first + more)
      .violations(violations)
  }

  /// DATA_LOSS: no repeat helps, somebody has to look after the store.
  static func damaged(_ cause: String) -> ErrorDetails {
    ErrorDetails(
      .dataLoss, "STORE_DAMAGED",
      "The store can't be read: \(cause). Have its backup put back, or an export imported.")
  }

  /// FAILED_PRECONDITION with `google.rpc.PreconditionFailure`.
  static func precondition(
    _ reason: String, subject: String, _ message: String, metadata: [String: String] = [:]
  ) -> ErrorDetails {
    ErrorDetails(.failedPrecondition, reason, message, metadata: metadata)
      .preconditions([(type: reason, subject: subject, description: message)])
  }

  private static func notFound(_ resource: ResourceReference) -> ErrorDetails {
    let reason =
      switch resource {
      case .provider, .providerOfAccount: "PROVIDER_NOT_FOUND"
      case .number: "PHONE_NUMBER_NOT_FOUND"
      case .agent(let id): "\(id.kind.reasonPrefix)_NOT_FOUND"
      case .token: "TOKEN_NOT_FOUND"
      case .operation: "OPERATION_NOT_FOUND"
      case .tenant: "TENANT_NOT_FOUND"
      }
    return ErrorDetails(
      .notFound, reason, "There is no \(resource.name).", metadata: ["resource": resource.name]
    ).resource(resource.type, resource.name)
  }

  /// What has to be done first.
  private static func unmet(_ error: RegistryError) -> ErrorDetails {
    switch error {
    case .numberAssigned(let id, let agent):
      precondition(
        "PHONE_NUMBER_ASSIGNED", subject: id.description,
        "Number \(id) is assigned to \(agent.kind.noun) \(agent). Unassign it first.",
        metadata: [agent.kind.idField: agent.description])
    case .numbersNotLinked(let obstacles, let total): notLinked(obstacles, total: total)
    case .providerInUse(let id, let count):
      precondition(
        "PROVIDER_IN_USE", subject: id.description,
        "Provider \(id) has \(count) numbers. Delete them first.",
        metadata: ["phone_number_count": String(count)])
    case .providerBusy(let id, let operation):
      precondition(
        "PROVIDER_BUSY", subject: id.description,
        "Operation \(operation) works on provider \(id). Wait for its end.",
        metadata: ["operation_id": operation.description])
    case .agentInUse(let id, let count):
      precondition(
        "\(id.kind.reasonPrefix)_IN_USE", subject: id.description,
        "\(count) numbers are assigned to \(id.kind.noun) \(id). Unassign them first.",
        metadata: ["phone_number_count": String(count)])
    case .numberBusy(let id, let state):
      precondition(
        "PHONE_NUMBER_BUSY", subject: id.description,
        "Number \(id) is \(state.rawValue). Wait until that is over.",
        metadata: ["state": state.rawValue])
    case .numberInWork(let id, let operation):
      precondition(
        "PHONE_NUMBER_BUSY", subject: id.description,
        "Operation \(operation) works on number \(id). Wait until it is over: WaitOperation.",
        metadata: ["operation_id": operation.description])
    case .numberNotCorrupted(let id, let state):
      precondition(
        "PHONE_NUMBER_NOT_CORRUPTED", subject: id.description,
        "Number \(id) is \(state.rawValue); only a corrupted one is given up. Delete it, which "
          + "puts the carrier's settings back.",
        metadata: ["state": state.rawValue])
    case .numberOnTrunk(let id):
      precondition(
        "PHONE_NUMBER_ON_TRUNK", subject: id.description,
        "Number \(id) has a trunk of its own, made for its region and its directions. Delete it, "
          + "and import it anew as it is to be.",
        metadata: ["phone_number_id": id.description])
    case .nothingToRepair(let id):
      precondition(
        "NOTHING_TO_REPAIR", subject: id.description,
        "Number \(id) takes no inbound calls, so that nothing of it is set up at the carrier.")
    case .providerAwaited(let id, let number):
      precondition(
        "PROVIDER_IN_USE", subject: id.description,
        "Number \(number) is being moved to provider \(id). Wait until that is over.",
        metadata: ["phone_number_id": number.description])
    case .numberNotAtCarrier(let id):
      precondition(
        "NUMBER_NOT_AT_CARRIER", subject: id?.description ?? "phone_number",
        "The account\(id.map { " of provider \($0)" } ?? "") has no such number in this region. "
          + "ListProviderNumbers lists those that it has.")
    case .numberOwned(let id):
      precondition(
        "NUMBER_OWNED", subject: id.description,
        "The account of provider \(id) has this number already. Import it.",
        metadata: ["provider_id": id.description])
    case .platformMissing:
      precondition(
        "PLATFORM_NOT_CONFIGURED", subject: "provider_id",
        "The operator sells no numbers here. Give provider_id, to buy on an account of your own.")
    case .platformProvider(let id):
      precondition(
        "PLATFORM_PROVIDER", subject: id.description,
        "Provider \(id) is the operator's: its numbers are bought, used and released, and nothing "
          + "else is done with it.")
    case .platformNumber(let id):
      precondition(
        "PLATFORM_NUMBER", subject: id.description,
        "Number \(id) is the operator's. Release it, which gives it back: ReleasePhoneNumber.")
    case .numberNotFound:
      precondition(
        "NO_NUMBER_FOUND", subject: "criteria",
        "The carrier sells no number that fits the criteria. Search with others.")
    case .numberNotProvisioned(let id):
      precondition(
        "PHONE_NUMBER_NOT_PROVISIONED", subject: id.description,
        "Number \(id) was imported, and not bought here, so that it is not given up here. Delete "
          + "it, and release it at the carrier.")
    case .numberWithoutVoice(let id):
      precondition(
        "NUMBER_WITHOUT_VOICE", subject: id?.description ?? "phone_number",
        "The carrier's number can't take or place voice calls.")
    case .regionNotServed(let region):
      precondition(
        "REGION_NOT_SERVED", subject: region.rawValue,
        "No public URL is configured for region \(region). Set --public-url \(region)=https://….",
        metadata: ["region": region.rawValue])
    case .accountMismatch(let expected, let owner):
      precondition(
        "ACCOUNT_MISMATCH", subject: expected.description,
        "The credentials belong to account \(owner), not to \(expected).",
        metadata: ["account_sid": owner.description])
    case .credentialsOfOtherRegion(let asked, let valid):
      precondition(
        "CARRIER_CREDENTIALS_OF_OTHER_REGION", subject: asked.rawValue,
        "The credentials are good in region \(valid), not in \(asked). Link the account in "
          + "\(valid), or take credentials that were made in \(asked).",
        metadata: ["region": asked.rawValue, "valid_region": valid.rawValue])
    case .numbersUnreachable(let numbers, let total, let operation):
      unreachable(numbers, total: total, operation)
    case .operationNotCancellable(let id, let kind, let isOver):
      notCancellable(id, kind, isOver: isOver)
    default:
      preconditionFailure("not a precondition: \(error)")
    }
  }

  private static func notLinked(_ obstacles: [LinkObstacle], total: Int) -> ErrorDetails {
    var violations: [(type: String, subject: String, description: String)] = []
    // What does not fit into the trailers would take all details with it.
    var room = 5_500
    for obstacle in obstacles {
      let (type, text) =
        switch obstacle.reason {
        case .missing: ("PHONE_NUMBER_NOT_FOUND", "It is not there.")
        case .assigned(let holder):
          ("PHONE_NUMBER_ASSIGNED", "The \(holder.kind.noun) \(holder) has it.")
        case .state(let state): ("PHONE_NUMBER_BUSY", "It is \(state.rawValue).")
        }
      let violation = (type: type, subject: obstacle.id.description, description: text)
      room -= type.utf8.count + violation.subject.utf8.count + text.utf8.count + 8
      if room < 0 { break }
      violations.append(violation)
    }
    let first = obstacles.first.map { " \($0)" } ?? ""
    return ErrorDetails(
      .failedPrecondition, "PHONE_NUMBERS_NOT_LINKED",
      "\(total) numbers can't be linked or unlinked; nothing was changed.\(first)",
      metadata: ["total": String(total)]
    ).preconditions(violations)
  }

  private static func notCancellable(
    _ id: OperationID, _ kind: ProvisioningKind, isOver: Bool
  ) -> ErrorDetails {
    let cause =
      switch kind {
      case _ where isOver: "is over"
      case .deleteNumber: "is a deletion, which is not undone"
      case .repairNumber: "is a repair: what it writes again stays"
      case .provisionNumber: "is a purchase, which is not undone"
      case .releaseNumber: "is a release, which is not undone"
      case .importNumber, .moveNumber, .syncProvider, .importBatch, .rotateCredential:
        "has come too far, or is being undone already"
      }
    return precondition(
      "OPERATION_NOT_CANCELLABLE", subject: id.description,
      "Operation \(id) \(cause). GetOperation and WaitOperation tell its end.",
      metadata: ["operation_id": id.description])
  }

  private static func unreachable(
    _ numbers: [UnreachableNumber], total: Int, _ operation: OperationID?
  ) -> ErrorDetails {
    let violations = numbers.map { number in
      // Short, so that fifty of them fit into the trailers.
      let why = number.carrierCode.map { "carrier error \($0)" } ?? "not reached"
      return (
        type: "NUMBER_UNREACHABLE", subject: number.id.description,
        description: "\(number.e164.text): \(why)"
      )
    }
    return ErrorDetails(
      .failedPrecondition, "NUMBERS_UNREACHABLE",
      "The new key does not reach \(total) of the provider's numbers; nothing was changed. "
        + "Use a key of the account that owns them.",
      metadata: ["total": String(total)].merging(
        operation.map { ["operation_id": $0.description] } ?? [:]
      ) { first, _ in first }
    ).preconditions(violations)
  }
}

extension ResourceReference {
  /// For texts; holds no full phone number.
  var name: String {
    switch self {
    case .provider(let id): "provider \(id)"
    case .providerOfAccount(let account, let region): "provider of account \(account) in \(region)"
    case .number(let id): "phone number \(id)"
    case .agent(let id): "\(id.kind.noun) \(id)"
    case .token(let id): "token \(id)"
    case .operation(let id): "operation \(id)"
    case .tenant(let name): "tenant \(name)"
    }
  }

  /// The message that stands for it in the contract.
  var type: String {
    switch self {
    case .provider, .providerOfAccount: "trunkline.v1.Provider"
    case .number: "trunkline.v1.PhoneNumber"
    case .agent(let id):
      switch id.kind {
      case .agent: "trunkline.v1.Agent"
      case .softphone: "trunkline.v1.Softphone"
      }
    case .token: "trunkline.v1.Token"
    case .operation: "trunkline.v1.Operation"
    case .tenant: "trunkline.v1.Tenant"
    }
  }
}
