internal import Access
internal import GRPC
internal import Telephony

/// What a stream was admitted by. A unary call is over before that changes; a stream may outlive
/// its caller's right to it.
struct StreamAdmission: Sendable {
  let caller: Caller
  let authenticator: CallAuthenticator

  /// How often it is looked whether the caller still may.
  static let interval: Duration = .seconds(1)
}

extension ServerContext {
  /// Runs a stream's body until its caller may call no longer: the token was revoked or has
  /// expired, the certificate's name was taken out, or the server stops. Then the body is
  /// cancelled, and the stream ends with why.
  func whileAdmitted(
    _ body: @escaping @Sendable () async throws(RPCError) -> Void
  ) async throws(RPCError) {
    guard let admission = admission as? StreamAdmission else { return try await body() }
    let end = await withTaskGroup(of: Result<Void, RPCError>?.self) { group in
      group.addTask {
        do throws(RPCError) {
          return .success(try await body())
        } catch {
          return .failure(error)
        }
      }
      group.addTask { await admission.refused().map { .failure($0.error) } }
      // A watch that was only cancelled says nothing; the body does.
      for await end in group {
        guard let end else { continue }
        group.cancelAll()
        return end
      }
      return .failure(cancellationError)
    }
    try end.get()
  }
}

extension StreamAdmission {
  /// Why the caller may no longer call, when that is so; nil on cancellation.
  func refused() async -> AccessRefusal? {
    while true {
      guard (try? await authenticator.time.sleep(for: Self.interval)) != nil else { return nil }
      if let refusal = await authenticator.refusal(ofAdmitted: caller) { return refusal }
    }
  }
}
