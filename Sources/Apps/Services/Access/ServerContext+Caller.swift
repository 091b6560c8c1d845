internal import Access
internal import GRPC
internal import Telemetry

extension ServerContext {
  /// Who calls, as ``CallAuthenticator`` found out. A call that it did not see has no caller, and
  /// is refused.
  var caller: Caller {
    get throws(RPCError) {
      let admitted = (admission as? StreamAdmission)?.caller ?? admission as? Caller
      guard let caller = admitted else { throw AccessRefusal.tokenMissing.error }
      guard let trace else { return caller }
      return Caller(
        tenant: caller.tenant, principal: caller.principal, scopes: caller.scopes,
        peer: caller.peer, method: caller.method, traceID: trace.context.traceID)
    }
  }
}
