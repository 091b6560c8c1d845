package import Access
internal import Telephony

extension Providers {
  /// Changes name, labels, credentials, and a SIP trunk's settings.
  ///
  /// New credentials are tried on every number of the provider and taken or refused whole: numbers
  /// that are imported meanwhile make the trial begin again.
  package func update(
    _ request: UpdateProvider, by caller: Caller
  ) async throws(RegistryError) -> Provider {
    var validator = Validator()
    guard let input = request.provider else {
      throw .invalidArgument([
        FieldViolation("provider", .required, "The provider is missing.")
      ])
    }
    let id = validator.id("provider.id", input.id, as: ProviderID.self)
    validator.etag("provider.etag", input.etag)
    let mask = UpdateMask(request.mask, populated: Self.populated(input), &validator)
    Self.validate(input, mask.fields, &validator)
    try validator.finish()
    guard let id else { throw .internalError("An id was neither read nor refused.") }

    for _ in 0..<RegistryLimits.keyTrialRoundsMax {
      let stored = try await context.ownProvider(id, tenant: caller.tenant)
      let present = stored.provider
      try checkEtag(input.etag, present.etag, .provider(id))
      try Self.checkKind(present, input, request.mask, mask.fields)
      let changed = try await changed(present, input, mask.fields)
      let updated = changed.provider
      if request.validateOnly || updated == present { return updated }
      do {
        try await context.commit(
          by: caller,
          [
            .updateProvider(
              updated, from: present.revision.version,
              numbersRevision: changed.dependsOnNumbers ? stored.numbersRevision : nil)
          ],
          audit: AuditDraft(
            changed.replacesCredentials ? .rotate : .update, from: present, to: updated))
        return updated
      } catch .versionMismatch, .notFound {
        continue
      } catch {
        throw RegistryError(error)
      }
    }
    throw .contended(.provider(id))
  }

  /// What an update makes of a provider.
  struct Changed: Sendable {
    var provider: Provider
    /// It was tried on the numbers that were there, or is right only while there are none more.
    var dependsOnNumbers = false
    var replacesCredentials = false
  }

  private func changed(
    _ present: Provider, _ input: ProviderInput, _ fields: Set<ProviderField>
  ) async throws(RegistryError) -> Changed {
    switch present.configuration {
    case .twilio: break
    case .sipTrunk(let trunk): return try await changed(present, trunk, input, fields)
    case .liveKit(let gateway): return try await changed(present, gateway, input, fields)
    }
    let change = try ProviderChange(present, input, fields)
    // What was staged beside other credentials was not seen to work beside these.
    if change.replacesCredentials, present.staged != nil { throw .credentialStaged(present.id) }
    if !change.probes.isEmpty || change.triesNumbers {
      try await context.trials.run(present.id) { () async throws(RegistryError) in
        try await prove(change, present)
      }
    }
    return Changed(
      provider: try apply(change, to: present), dependsOnNumbers: change.triesNumbers,
      replacesCredentials: change.replacesCredentials)
  }

  private static func populated(_ input: ProviderInput) -> Set<ProviderField> {
    var fields: Set<ProviderField> = []
    if !input.displayName.isEmpty { fields.insert(.displayName) }
    if !input.labels.isEmpty { fields.insert(.labels) }
    fields.formUnion(populatedGateway(input))
    guard let twilio = input.twilio else { return fields }
    if !twilio.apiKeySID.isEmpty { fields.insert(.apiKeySID) }
    if twilio.apiKeySecret != nil { fields.insert(.apiKeySecret) }
    if twilio.authToken != nil { fields.insert(.authToken) }
    return fields
  }

  private static func validate(
    _ input: ProviderInput, _ fields: Set<ProviderField>, _ validator: inout Validator
  ) {
    if fields.contains(.displayName) {
      validator.text(
        "provider.display_name", input.displayName,
        lengthMax: RegistryLimits.displayNameLengthMax)
    }
    if fields.contains(.labels) { validator.labels("provider.labels", input.labels) }
    if fields.contains(.apiKeySecret), let secret = input.twilio?.apiKeySecret {
      validator.secret(
        "provider.twilio.api_key_secret", secret, lengthMax: RegistryLimits.secretLengthMax)
    }
    if fields.contains(.authToken), let token = input.twilio?.authToken {
      validator.secret(
        "provider.twilio.auth_token", token, lengthMax: RegistryLimits.secretLengthMax)
    }
  }

  /// The provider with the change; its revision only grows when something differs.
  private func apply(
    _ change: ProviderChange, to present: Provider
  ) throws(RegistryError) -> Provider {
    var next = present
    next.displayName = change.displayName
    next.labels = change.labels
    guard case .twilio(var twilio) = present.configuration else { return next }
    switch change.apiKey {
    case .keep: break
    case .remove: twilio.apiKey = nil
    case .set(let sid, let secret):
      let sealed = try context.seal(
        secret, .apiKeySecret(present.id), of: present.secretOwner, under: &next.dataKey)
      twilio.apiKey = SealedAPIKey(sid: sid, secret: sealed)
    }
    switch change.authToken {
    case .keep: break
    case .remove: twilio.authToken = nil
    case .set(let token):
      twilio.authToken = try context.seal(
        token, .authToken(present.id), of: present.secretOwner, under: &next.dataKey)
    }
    next.configuration = .twilio(twilio)
    // Who sets credentials wants no others to count.
    if change.replacesCredentials { next.previous = nil }
    if change.triesNumbers {
      next.state = .active
      next.conditions = [context.credentialsAccepted()]
    }
    if next != present { next.revision = present.revision.next(at: context.time.now()) }
    return next
  }

  // MARK: The trial

  /// Tries what is new at the carrier, and every number with it where requests will use it.
  private func prove(
    _ change: ProviderChange, _ present: Provider
  ) async throws(RegistryError) {
    let account = try context.account(of: present)
    for credentials in change.probes {
      try await context.probe(
        CarrierAccess(
          accountSID: account, region: present.region, credentials: credentials))
    }
    guard change.triesNumbers else { return }
    let credentials: CarrierCredentials
    if let fresh = change.requestCredentials {
      credentials = fresh
    } else {
      // The key goes and the stored token takes its place.
      var rest = present
      guard case .twilio(var twilio) = present.configuration else { return }
      twilio.apiKey = nil
      rest.configuration = .twilio(twilio)
      credentials = try context.access(rest).credentials
    }
    try await tryNumbers(
      of: present,
      CarrierAccess(accountSID: account, region: present.region, credentials: credentials))
  }
}

/// What an update of a provider changes, worked out against its present form.
struct ProviderChange {
  enum KeyChange {
    case keep
    case remove
    case set(APIKeySID, Secret)
  }

  enum TokenChange {
    case keep
    case remove
    case set(Secret)
  }

  private(set) var displayName: String
  private(set) var labels: [String: String]
  private(set) var apiKey = KeyChange.keep
  private(set) var authToken = TokenChange.keep
  /// New credentials, each to be tried once.
  private(set) var probes: [CarrierCredentials] = []
  /// Requests will use other credentials than before: every number is tried.
  private(set) var triesNumbers = false
  /// The new credentials of requests; nil when the stored token takes the key's place.
  private(set) var requestCredentials: CarrierCredentials?

  /// Whether a secret is set, replaced or removed.
  var replacesCredentials: Bool {
    if case .keep = apiKey, case .keep = authToken { return false }
    return true
  }

  init(
    _ present: Provider, _ input: ProviderInput, _ fields: Set<ProviderField>
  ) throws(RegistryError) {
    self.displayName = fields.contains(.displayName) ? input.displayName : present.displayName
    self.labels = fields.contains(.labels) ? input.labels : present.labels
    guard case .twilio(let twilio) = present.configuration else { return }
    var validator = Validator()
    validator.sameRegion(input, present)
    Self.checkImmutable(input, twilio, &validator)
    if let update = input.twilio ?? (fields.isDisjoint(with: Self.credentials) ? nil : .init()) {
      readKey(update, twilio, fields, &validator)
      readToken(update, twilio, fields)
    }
    let keeps = keeps(twilio)
    if !keeps.key && !keeps.token {
      validator.refuse(
        "provider.twilio", .required,
        "Nothing would be left to authenticate with. Give a key with its secret, or a token.")
    }
    try validator.finish()
    decideTrial(twilio, keepsKey: keeps.key)
  }

  private static let credentials: Set<ProviderField> = [.apiKeySID, .apiKeySecret, .authToken]

  private static func checkImmutable(
    _ input: ProviderInput, _ present: TwilioConfiguration, _ validator: inout Validator
  ) {
    if let account = input.twilio?.accountSID, !account.isEmpty,
      account != present.accountSID.description
    {
      validator.refuse(
        "provider.twilio.account_sid", .immutable,
        "The account of a provider never changes. Create another provider for it.")
    }
  }

  private mutating func readKey(
    _ input: TwilioInput, _ present: TwilioConfiguration, _ fields: Set<ProviderField>,
    _ validator: inout Validator
  ) {
    var sid = present.apiKey?.sid
    var isNewSID = false
    if fields.contains(.apiKeySID) {
      if input.apiKeySID.isEmpty {
        apiKey = present.apiKey == nil ? .keep : .remove
        return
      }
      // What a read gave, masked, means the key that is there.
      if input.apiKeySID != present.apiKey?.sid.masked {
        let given = validator.id(
          "provider.twilio.api_key_sid", input.apiKeySID, as: APIKeySID.self)
        isNewSID = given != sid
        sid = given
      }
    }
    let secret = fields.contains(.apiKeySecret) ? input.apiKeySecret : nil
    guard let secret else {
      if isNewSID {
        validator.refuse(
          "provider.twilio.api_key_secret", .required,
          "A new key needs its secret in the same request.")
      }
      return
    }
    if secret.isEmpty {
      apiKey = present.apiKey == nil ? .keep : .remove
    } else if let sid {
      apiKey = .set(sid, secret)
    } else if input.apiKeySID.isEmpty || !fields.contains(.apiKeySID) {
      validator.refuse(
        "provider.twilio.api_key_sid", .required,
        "The secret has no key: give api_key_sid with it.")
    }
  }

  private mutating func readToken(
    _ input: TwilioInput, _ present: TwilioConfiguration, _ fields: Set<ProviderField>
  ) {
    guard fields.contains(.authToken), let token = input.authToken else { return }
    if !token.isEmpty {
      authToken = .set(token)
    } else if present.authToken != nil {
      authToken = .remove
    }
  }

  /// What there will be to authenticate with.
  private func keeps(_ present: TwilioConfiguration) -> (key: Bool, token: Bool) {
    let key =
      switch apiKey {
      case .keep: present.apiKey != nil
      case .remove: false
      case .set: true
      }
    let token =
      switch authToken {
      case .keep: present.authToken != nil
      case .remove: false
      case .set: true
      }
    return (key, token)
  }

  private mutating func decideTrial(_ present: TwilioConfiguration, keepsKey: Bool) {
    if case .set(let sid, let secret) = apiKey {
      requestCredentials = .apiKey(sid: sid, secret: secret)
      probes.append(.apiKey(sid: sid, secret: secret))
      triesNumbers = true
    }
    if case .set(let token) = authToken {
      probes.append(.authToken(token))
      if !keepsKey {
        requestCredentials = .authToken(token)
        triesNumbers = true
      }
    }
    if case .remove = apiKey { triesNumbers = true }
  }
}
