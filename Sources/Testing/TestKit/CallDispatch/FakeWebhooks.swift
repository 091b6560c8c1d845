package import CallDispatch
internal import Synchronization
package import Telephony

/// Tokens that a test can work out: not secret at all.
package struct FakeWebhookTokens: WebhookTokens {
  package init() {}

  package func token(forNumber number: PhoneNumberID, generation: UInt32) -> WebhookToken {
    WebhookToken(bits: number.bits &* 7 &+ UInt128(generation))
  }

  package func accepts(
    _ token: WebhookToken, forNumber number: PhoneNumberID, generation: UInt32
  ) -> Bool {
    token == self.token(forNumber: number, generation: generation)
  }

  package func token(forCall call: CallID) -> WebhookToken {
    WebhookToken(bits: ~call.bits)
  }

  package func accepts(_ token: WebhookToken, forCall call: CallID) -> Bool {
    token == self.token(forCall: call)
  }
}

/// Takes `signed by <token>` for a signature.
package struct FakeWebhookSigner: WebhookSigner {
  package init() {}

  package static func signature(by token: String) -> String { "signed by \(token)" }

  package func accepts(
    _ signature: String, url: String, parameters: [WebhookParameter], token: Secret
  ) -> Bool {
    signature == Self.signature(by: String(decoding: token.revealed, as: UTF8.self))
  }
}

/// Credentials by provider; a provider that is not set is unknown.
package final class FakeCredentialSource: CredentialSource {
  private struct State {
    var leases: [ProviderID: CredentialLease] = [:]
    var error: CredentialError?
  }

  private let state = Mutex(State())

  package init() {}

  package func set(_ lease: CredentialLease) {
    state.withLock { $0.leases[lease.provider] = lease }
  }

  package func fail(_ error: CredentialError?) { state.withLock { $0.error = error } }

  package func lease(_ provider: ProviderID) async throws(CredentialError) -> CredentialLease {
    try state.withLock { state throws(CredentialError) in
      if let error = state.error { throw error }
      guard let lease = state.leases[provider] else { throw .unknown }
      return lease
    }
  }
}
