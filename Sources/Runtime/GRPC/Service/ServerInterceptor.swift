/// Something around every call of a server: authentication, limits, measurement.
///
/// All four kinds of call have the same shape here. Interceptors run in the order of the router's
/// list, on the call's loop, after the path was matched, so they only see methods that exist.
package protocol ServerInterceptor: Sendable {
  /// Runs around a call. Either call `next` once, or throw the answer.
  ///
  /// What `next` throws is the handler's answer; rethrow it or throw another.
  func intercept(
    _ context: ServerContext, next: () async throws(RPCError) -> Void
  ) async throws(RPCError)
}
