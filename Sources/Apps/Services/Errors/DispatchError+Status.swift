internal import CallDispatch
internal import GRPC
internal import Registry
internal import Telephony

extension RPCError {
  /// The one table from the dispatch's errors to statuses (DESIGN, section 5).
  init(_ error: DispatchError) {
    self = ErrorDetails(error).error
  }
}

extension ErrorDetails {
  init(_ error: DispatchError) {
    switch error {
    case .invalid(let violations):
      self = Self.invalid(violations.map { ($0.field, "INVALID", $0.message) })
    case .callNotFound(let id):
      self = ErrorDetails(.notFound, "CALL_NOT_FOUND", "There is no call \(id).")
        .resource("trunkline.v1.Call", id.description)
    case .numberNotFound(let id):
      self = ErrorDetails(.notFound, "PHONE_NUMBER_NOT_FOUND", "There is no phone number \(id).")
        .resource("trunkline.v1.PhoneNumber", id.description)
    case .agentNotFound(let id):
      self = ErrorDetails(
        .notFound, "\(id.kind.reasonPrefix)_NOT_FOUND", "There is no \(id.kind.noun) \(id)."
      ).resource(ResourceReference.agent(id).type, id.description)
    case .numberNotReady(let id, let obstacle): self = Self.notReady(id, obstacle)
    case .agentMissing(let id):
      self = Self.precondition(
        "AGENT_MISSING", subject: id.description,
        "Number \(id) is assigned to nobody, and the request names no agent. Set agent_id.")
    case .otherRegion(let region):
      self = Self.precondition(
        "OTHER_REGION", subject: region.rawValue,
        "The call lives in region \(region), which this dispatch does not serve. Ask that one.",
        metadata: ["region": region.rawValue])
    case .resumeTokenExpired:
      self = ErrorDetails(
        .outOfRange, "RESUME_TOKEN_EXPIRED",
        "What follows the resume token is no longer kept, or the token is of an earlier version or "
          + "of another deployment. Watch again without one.")
    case .watcherTooSlow(let token):
      self = ErrorDetails(
        .resourceExhausted, "WATCHER_TOO_SLOW",
        "Calls changed faster than they were read. Watch again with the resume token.",
        metadata: ["resume_token": token])
    case .webhookRefused(let refusal):
      self = ErrorDetails(
        .permissionDenied, "WEBHOOK_REFUSED", "The webhook was refused.",
        metadata: ["cause": refusal.rawValue])
    case .cancelled:
      self = ErrorDetails(
        .cancelled, "CANCELLED", "The caller went away; what was committed goes on.")
    case .carrierRefused(let refusal): self = Self.refused(refusal)
    case .carrierUnavailable, .routesNotReady, .storeUnavailable, .shuttingDown:
      self = Self.unavailable(error)
    case .storeDamaged(let cause): self = Self.damaged(cause)
    case .credentials(let id, let cause): self = Self.credentials(id, cause)
    case .publicURLMissing(let region):
      self = Self.precondition(
        "REGION_NOT_SERVED", subject: region.rawValue,
        "No public URL is configured for region \(region). Set --public-url \(region)=https://….",
        metadata: ["region": region.rawValue])
    case .contention(let id):
      self = ErrorDetails(
        .aborted, "CONTENDED", "Call \(id) was changed by others again and again. Repeat.")
    case .tooManyWatchers:
      self = ErrorDetails(
        .resourceExhausted, "TOO_MANY_WATCHERS",
        "There are \(Limits.watchersMax) watchers already, or \(Limits.tenantWatchersMax) of the "
          + "tenant. Repeat later."
      ).retry(after: nil)
    }
  }

  /// One destination of PlaceCalls that was not queued; `field` is its path in the request.
  init(_ error: DestinationError, field: String) {
    switch error {
    case .malformed:
      self = Self.invalid([(field, "MALFORMED", "Not an E.164 number, as in +14155550100.")])
    case .impossible:
      self = Self.invalid(
        [(field, "NOT_A_POSSIBLE_NUMBER", "No number of that country has this length.")])
    case .emergency:
      self = ErrorDetails(
        .permissionDenied, "EMERGENCY_NUMBER", "Emergency numbers are never dialled.")
    case .premium:
      self = ErrorDetails(
        .permissionDenied, "PREMIUM_NUMBER",
        "Numbers charged above the normal rate are not dialled.")
    case .otherCountry:
      self = ErrorDetails(
        .permissionDenied, "COUNTRY_NOT_ALLOWED",
        "A platform number calls numbers of the United States only. Take one of an account of your "
          + "own.")
    case .sameAsFrom:
      self = Self.invalid([(field, "SAME_AS_FROM", "It is the number that would call.")])
    case .repeated:
      self = Self.invalid([(field, "DUPLICATE", "An earlier entry names the same destination.")])
    case .attemptUnresolved:
      self = ErrorDetails(
        .failedPrecondition, "ATTEMPT_UNRESOLVED",
        "Whether an earlier call there was placed is not known yet. Repeat when that is settled."
      ).retry(after: .seconds(30))
    }
  }

  private static func notReady(
    _ id: PhoneNumberID, _ obstacle: NumberObstacle
  ) -> ErrorDetails {
    switch obstacle {
    case .outboundOff:
      precondition(
        "OUTBOUND_OFF", subject: id.description,
        "Number \(id) can't place calls: supports_outbound is off, or it comes or goes just now."
      )
    case .dialledByGateway:
      precondition(
        "DIALLED_BY_GATEWAY", subject: id.description,
        "Number \(id) is of a SIP trunk, whose calls a gateway places: that is not built yet. Call "
          + "from a number of a Twilio account.")
    case .providerMissing:
      precondition(
        "PROVIDER_MISSING", subject: id.description,
        "The provider of number \(id) is not known here.")
    }
  }

  private static func unavailable(_ error: DispatchError) -> ErrorDetails {
    let (reason, message) =
      switch error {
      case .carrierUnavailable:
        ("CARRIER_UNAVAILABLE", "The carrier gave no answer; the hang-up goes on being tried.")
      case .routesNotReady:
        ("ROUTES_NOT_READY", "The routes have not come from the registry yet. Repeat.")
      case .shuttingDown:
        ("SHUTTING_DOWN", "The server is stopping. Repeat at another one.")
      default:
        (
          "STORE_UNAVAILABLE",
          "The store can't be reached. With the same request_id it is safe to repeat."
        )
      }
    return ErrorDetails(.unavailable, reason, message).retry(after: nil)
  }

  private static func credentials(_ id: ProviderID, _ cause: CredentialError) -> ErrorDetails {
    switch cause {
    case .unknown:
      precondition(
        "PROVIDER_NOT_FOUND", subject: id.description, "Provider \(id) holds no credentials.")
    case .unreadable:
      ErrorDetails(
        .internal, "CREDENTIALS_UNREADABLE",
        "The credentials of provider \(id) are sealed under a key that the keyring lacks.")
    case .unavailable:
      ErrorDetails(
        .unavailable, "REGISTRY_UNAVAILABLE",
        "The registry can't be asked for the credentials of provider \(id). Repeat."
      ).retry(after: nil)
    }
  }

  private static func refused(_ refusal: CarrierRefusal) -> ErrorDetails {
    var metadata: [String: String] = [:]
    if let code = refusal.code { metadata["carrier_code"] = String(code) }
    let code = refusal.code.map { " (carrier error \($0))" } ?? ""
    switch refusal.kind {
    case .throttled, .limit:
      return ErrorDetails(
        .resourceExhausted, "CARRIER_LIMITED", "The carrier takes no more requests now\(code).",
        metadata: metadata
      ).retry(after: refusal.retryAfter)
    case .unreachable:
      return ErrorDetails(
        .unavailable, "CARRIER_UNAVAILABLE", "The carrier can't be reached\(code).",
        metadata: metadata
      ).retry(after: refusal.retryAfter)
    case .credentials:
      return precondition(
        "CARRIER_REFUSED_CREDENTIALS", subject: "carrier",
        "The carrier refused the credentials\(code).", metadata: metadata)
    case .account:
      return precondition(
        "CARRIER_ACCOUNT_INACTIVE", subject: "carrier",
        "The carrier's account is inactive or may not do this\(code).", metadata: metadata)
    case .notAllowed:
      return ErrorDetails(
        .permissionDenied, "CARRIER_NOT_PERMITTED", "The carrier does not allow it\(code).",
        metadata: metadata)
    case .invalid:
      return ErrorDetails(
        .invalidArgument, "CARRIER_INVALID_REQUEST", "The carrier refused the values\(code).",
        metadata: metadata)
    case .other:
      return precondition(
        "CARRIER_REFUSED", subject: "carrier", "The carrier refused\(code).", metadata: metadata)
    }
  }
}
