/// Something around every call of a server: authentication, limits, measurement.
///
/// All four kinds of call have the same shape here. A call passes, in this order: the match of its
/// path, byte for byte; the router's ``CallAdmission``; for a unary call its request, whole and
/// decoded; the interceptors in the order of the router's list, the first one outermost; the
/// handler. So interceptors only see methods that exist, by ``ServerContext/method`` and never by
/// what the client wrote, and of unary calls only those that are well-formed. They run on the
/// call's loop.
package protocol ServerInterceptor: Sendable {
  /// Runs around a call. Either call `next` once, or throw the answer.
  ///
  /// What `next` throws is the handler's answer; rethrow it or throw another.
  func intercept(
    _ context: ServerContext, next: () async throws(RPCError) -> Void
  ) async throws(RPCError)
}
