package import CallDispatch
package import HTTPClient
package import Telephony

/// Calls at Twilio, as call dispatch's port.
package struct TwilioCalls: CarrierCalls {
  private let transport: TwilioTransport
  private let endpoints: TwilioEndpoints

  package init(client: some HTTPSending, endpoints: TwilioEndpoints, time: some TimeSource) {
    transport = TwilioTransport(client: client, time: time)
    self.endpoints = endpoints
  }

  package func place(_ order: DialOrder, with lease: CredentialLease) async -> DialOutcome {
    do {
      let request = try requests(lease).placeCall(
        from: order.from, to: order.to, voiceURL: order.voiceURL, statusURL: order.statusURL,
        ringingTimeoutSeconds: order.ringingTimeoutSeconds,
        timeLimitSeconds: order.timeLimitSeconds)
      return .accepted(
        try TwilioAnswers.callSID(try await transport.send(request, repeats: .never)))
    } catch {
      return CarrierRefusal(error).map { .refused($0) } ?? .unknown
    }
  }

  package func fetch(
    _ id: CarrierCallSID, with lease: CredentialLease
  ) async throws(CarrierCallError) -> CarrierCall? {
    do {
      let request = try requests(lease).fetchCall(id)
      return try TwilioAnswers.call(try await transport.send(request, repeats: .always))
    } catch {
      if error.kind == .notFound { return nil }
      throw CarrierCallError(error)
    }
  }

  package func list(
    from: E164, to: E164, limit: Int, with lease: CredentialLease
  ) async throws(CarrierCallError) -> [CarrierCall] {
    do {
      let size = min(max(limit, 1), 1000)
      let request = try requests(lease).listCalls(from: from, to: to, size: size)
      let calls = try TwilioAnswers.calls(try await transport.send(request, repeats: .always))
      return Array(calls.sorted { $0.createTime > $1.createTime }.prefix(limit))
    } catch {
      throw CarrierCallError(error)
    }
  }

  package func end(
    _ id: CarrierCallSID, as ending: CarrierEnding, with lease: CredentialLease
  ) async throws(CarrierCallError) -> EndOutcome {
    let status =
      switch ending {
      case .canceled: "canceled"
      case .completed: "completed"
      }
    do {
      let request = try requests(lease).endCall(id, status: status)
      let call = try TwilioAnswers.call(try await transport.send(request, repeats: .whenNotDone))
      return ending == .canceled && call.status == .inProgress ? .notCancelable : .ended
    } catch {
      if error.kind == .notFound { return .alreadyOver }
      guard error.code == Self.notInThatState else { throw CarrierCallError(error) }
      switch ending {
      case .canceled: return .notCancelable
      case .completed: return .alreadyOver
      }
    }
  }

  /// "Invalid call state": the call is answered, or over.
  private static let notInThatState = 21220

  private func requests(_ lease: CredentialLease) -> TwilioRequests {
    TwilioRequests(endpoints: endpoints, access: TwilioAccess(lease))
  }
}

extension TwilioAccess {
  init(_ lease: CredentialLease) {
    let credentials: Credentials =
      switch lease.authentication {
      case .apiKey(let sid, let secret): .apiKey(sid, secret: secret)
      case .authToken(let token): .authToken(token)
      }
    self.init(account: lease.account, region: lease.region, credentials: credentials)
  }
}

extension CarrierCallError {
  init(_ failure: TwilioFailure) {
    self = CarrierRefusal(failure).map { .refused($0) } ?? .unavailable
  }
}

extension CarrierRefusal {
  /// Nil when it is not certain that nothing was done.
  init?(_ failure: TwilioFailure) {
    switch failure.effect {
    case .unknown: return nil
    case .beforeSend, .refused: break
    }
    let kind: Kind? =
      switch failure.kind {
      case .credentials, .testCredentials, .keyRestricted, .notPermitted: .credentials
      case .account: .account
      case .callNotAllowed: .notAllowed
      case .throttled: .throttled
      case .limit: .limit
      case .invalid: .invalid
      case .notFound, .conflict, .callNotPossible, .notForSale, .papersMissing, .purchaseRefused:
        .other
      case .down: .unreachable
      case .unreadable: nil
      }
    guard let kind else { return nil }
    self.init(kind, code: failure.code, retryAfter: failure.retryAfter)
  }
}
