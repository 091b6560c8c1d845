package import HTTPClient
package import Registry
package import Telephony

/// Twilio's account interface, as the registry's port.
package struct TwilioCarrier: Carrier {
  private let transport: TwilioTransport
  private let endpoints: TwilioEndpoints

  package init(client: some HTTPSending, endpoints: TwilioEndpoints, time: some TimeSource) {
    transport = TwilioTransport(client: client, time: time)
    self.endpoints = endpoints
  }

  package func probe(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID {
    try await asCarrierError { () async throws(TwilioFailure) -> AccountSID in
      let request = try requests(access).listNumbers(page: nil, size: 1)
      return try TwilioAnswers.owner(try await transport.send(request, repeats: .always))
    }
  }

  package func owner(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID {
    try await asCarrierError { () async throws(TwilioFailure) -> AccountSID in
      let request = try requests(access).listAccounts(size: 20)
      return try TwilioAnswers.account(try await transport.send(request, repeats: .always))
    }
  }

  package func listNumbers(
    from token: String?, size: Int, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumberPage {
    try await asCarrierError { () async throws(TwilioFailure) -> CarrierNumberPage in
      let page = token.flatMap { TwilioPageToken($0) }
      if token != nil && page == nil {
        throw TwilioFailure(
          .invalid, effect: .beforeSend, message: "The page token is not one of the carrier's.")
      }
      let request = try requests(access).listNumbers(page: page, size: min(max(size, 1), 1000))
      return try TwilioAnswers.numbers(try await transport.send(request, repeats: .always))
    }
  }

  package func findNumber(
    _ e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber? {
    try await asCarrierError { () async throws(TwilioFailure) -> CarrierNumber? in
      let request = try requests(access).findNumber(e164)
      let page = try TwilioAnswers.numbers(try await transport.send(request, repeats: .always))
      return page.numbers.first { $0.e164 == e164 }
    }
  }

  package func fetchNumber(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try await asCarrierError { () async throws(TwilioFailure) -> CarrierNumber in
      let request = try requests(access).fetchNumber(sid)
      return try TwilioAnswers.number(try await transport.send(request, repeats: .always))
    }
  }

  package func configureNumber(
    _ sid: CarrierNumberSID, voice: VoiceSettings, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try await asCarrierError { () async throws(TwilioFailure) -> CarrierNumber in
      let request = try requests(access).configureNumber(sid, voice)
      return try TwilioAnswers.number(try await transport.send(request, repeats: .whenNotDone))
    }
  }

  package func processingRegion(
    of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> Region? {
    try await asCarrierError { () async throws(TwilioFailure) -> Region? in
      let request = try requests(access).fetchRoute(of: e164)
      do throws(TwilioFailure) {
        return try TwilioAnswers.processingRegion(
          try await transport.send(request, repeats: .always))
      } catch {
        guard error.kind == .notFound else { throw error }
        return nil
      }
    }
  }

  package func setProcessingRegion(
    _ region: Region, of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      let request = try requests(access).setRoute(of: e164, to: region)
      let answer = try await transport.send(request, repeats: .whenNotDone)
      guard try TwilioAnswers.processingRegion(answer) == region else {
        throw .unreadable("voice_region that was set")
      }
    }
  }

  private func requests(_ access: CarrierAccess) -> TwilioRequests {
    TwilioRequests(endpoints: endpoints, access: TwilioAccess(access))
  }
}

extension TwilioAccess {
  init(_ access: CarrierAccess) {
    let credentials: Credentials =
      switch access.credentials {
      case .apiKey(let sid, let secret): .apiKey(sid, secret: secret)
      case .authToken(let token): .authToken(token)
      }
    self.init(account: access.accountSID, region: access.region, credentials: credentials)
  }
}

func asCarrierError<R>(
  _ body: () async throws(TwilioFailure) -> R
) async throws(CarrierError) -> R {
  do {
    return try await body()
  } catch {
    throw CarrierError(error)
  }
}

extension CarrierError {
  init(_ failure: TwilioFailure) {
    let kind: Kind =
      switch failure.kind {
      case .credentials: .credentialsRefused
      case .testCredentials: .testCredentials
      case .keyRestricted: .keyRestricted
      case .account: .accountInactive
      case .notPermitted, .callNotAllowed: .notPermitted
      case .notFound: .notFound
      case .conflict, .callNotPossible: .conflict
      case .throttled, .limit: .limited
      case .invalid: .invalidRequest
      case .notForSale: .notForSale
      case .papersMissing: .papersMissing
      case .purchaseRefused: .purchaseRefused
      case .down: .unavailable
      case .unreadable: .unreadableAnswer
      }
    let effect: Effect =
      switch failure.effect {
      case .beforeSend: .beforeSend
      case .refused: .refused
      case .unknown: .unknown
      }
    self.init(
      kind, effect: effect, code: failure.code, message: failure.message,
      retryAfter: failure.retryAfter)
  }
}
