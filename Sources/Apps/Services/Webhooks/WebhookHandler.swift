package import CallDispatch
package import HTTPServer
package import Keyring
package import Registry
package import Telemetry
package import Telephony
internal import Twilio

/// Answers the carriers' webhooks over HTTP/1.1: TwiML for a voice webhook, 204 for a status
/// callback, 403 for whatever is not the carrier's (DESIGN, section 7). A diagnosis asks whether it
/// is there, too.
///
/// No answer tells why a webhook was refused, and no log holds a path: a path holds a token.
/// Callable from any executor.
package struct WebhookHandler: Sendable {
  private let dispatcher: CallDispatcher
  private let publicURLs: [Region: String]
  private let reachability: KeyringReachability
  private let sealer: any SecretSealer
  private let log: Logger

  package init(
    dispatcher: CallDispatcher, publicURLs: [Region: String], reachability: KeyringReachability,
    sealer: any SecretSealer, log: Logger
  ) {
    self.dispatcher = dispatcher
    self.publicURLs = publicURLs
    self.reachability = reachability
    self.sealer = sealer
    self.log = log
  }

  package func answer(_ request: HTTPServerRequest) async -> HTTPServerResponse {
    let text = String(request.path)
    if let challenge = ReachabilityChallenge(path: text) { return answer(request, challenge) }
    guard let path = WebhookPath(text) else { return HTTPServerResponse(status: 403) }
    guard request.method == "POST" else {
      return HTTPServerResponse(status: 405, headers: [.init("Allow", "POST")])
    }
    guard request.hasForm else { return HTTPServerResponse(status: 415) }
    do throws(WebhookFormError) {
      let form = try WebhookForm(decoding: request.body)
      return await answer(request, path, form)
    } catch {
      return HTTPServerResponse(status: 400)
    }
  }

  /// What is proved is of no use to a stranger, so that anybody may ask.
  private func answer(
    _ request: HTTPServerRequest, _ challenge: ReachabilityChallenge
  ) -> HTTPServerResponse {
    guard request.method == "GET" else {
      return HTTPServerResponse(status: 405, headers: [.init("Allow", "GET")])
    }
    let answer = reachability.answer(to: challenge, publicURL: publicURLs[challenge.region])
    var response = HTTPServerResponse(
      status: 200, contentType: "text/plain; charset=utf-8", body: answer.body)
    response.headers.append(.init("Cache-Control", "no-store"))
    return response
  }

  private func answer(
    _ request: HTTPServerRequest, _ path: WebhookPath, _ form: WebhookForm
  ) async -> HTTPServerResponse {
    // The carrier signed the public URL of the region it called; a proxy may have changed the Host
    // header and the scheme. With several regions each URL is tried.
    var last = DispatchError.webhookRefused(.signatureWrong)
    for url in candidates(request.target) {
      let webhook = WebhookRequest(
        path: path, url: url, parameters: form.parameters,
        signature: request.header("X-Twilio-Signature"))
      do throws(DispatchError) {
        return try await answer(webhook, form)
      } catch {
        last = error
        guard error == .webhookRefused(.signatureWrong) else { break }
      }
    }
    return refusal(last)
  }

  /// The URLs that the carrier may have called, each once.
  private func candidates(_ target: String) -> [String] {
    var urls: [String] = []
    for (_, base) in publicURLs.sorted(by: { $0.key < $1.key }) {
      let url = base + target
      if !urls.contains(url) { urls.append(url) }
    }
    return urls
  }

  private func answer(
    _ request: WebhookRequest, _ form: WebhookForm
  ) async throws(DispatchError) -> HTTPServerResponse {
    switch request.path.purpose {
    case .voice:
      guard let voice = form.voice else { return HTTPServerResponse(status: 400) }
      return render(try await dispatcher.answerVoice(request, voice))
    case .status:
      guard let status = form.status else { return HTTPServerResponse(status: 400) }
      try await dispatcher.acceptStatus(request, status)
      return HTTPServerResponse(status: 204)
    }
  }

  private func render(_ answer: CallAnswer) -> HTTPServerResponse {
    do throws(TwiMLError) {
      let text = try TwiML.render(answer, sipPassword: password(of: answer))
      return HTTPServerResponse(status: 200, contentType: TwiML.contentType, body: text)
    } catch {
      log.error("a call's answer has no TwiML", ["error": .text("\(error)")])
      return HTTPServerResponse(status: 500)
    }
  }

  /// The opened password of a SIP plan. One that can't be opened is left out: the agent's own
  /// server then refuses the call, and the log says why.
  private func password(of answer: CallAnswer) -> Secret? {
    guard case .connect(.sip(_, let login?)) = answer, let password = login.password else {
      return nil
    }
    do throws(SealingError) {
      let sealed = SealedSecret(keyName: password.keyName, bytes: password.bytes)
      return try sealer.open(sealed, associatedData: password.associatedData)
    } catch {
      log.error("a SIP password can't be opened", ["error": .text("\(error)")])
      return nil
    }
  }

  private func refusal(_ error: DispatchError) -> HTTPServerResponse {
    switch error {
    case .webhookRefused(let cause):
      log.warning("a webhook was refused", ["cause": .text(cause.rawValue)])
      return HTTPServerResponse(status: 403)
    case .callNotFound, .numberNotFound:
      return HTTPServerResponse(status: 403)
    case .invalid, .agentNotFound, .numberNotReady, .agentMissing, .otherRegion, .watcherTooSlow,
      .resumeTokenExpired, .cancelled, .carrierRefused, .carrierUnavailable, .routesNotReady,
      .credentials, .publicURLMissing, .storeUnavailable, .storeDamaged, .contention,
      .tooManyWatchers, .shuttingDown:
      log.error("a webhook could not be answered", ["error": .text("\(error)")])
      return HTTPServerResponse(status: 503)
    }
  }
}

extension HTTPServerRequest {
  /// The carrier's webhooks are forms.
  fileprivate var hasForm: Bool {
    let type = header("Content-Type") ?? ""
    return type.prefix { $0 != ";" }.lowercased() == "application/x-www-form-urlencoded"
  }
}
