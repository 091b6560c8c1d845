/// Something around every call of a server: authentication, limits, measurement.
///
/// All four kinds of call have the same shape here. A call passes, in this order: the match of its
/// path, byte for byte; the router's ``CallAdmission``; the interceptors in the order of the
/// router's list, the first one outermost; the handler. So interceptors only see methods that
/// exist, by ``ServerContext/method`` and never by what the client wrote. They run on the handler's
/// executor.
///
/// On a unary call's fast path (``MethodHandler/startUnary(_:_:in:_:)``) the request is decoded
/// before them, so that they see no malformed one. A request that takes long, one whose admission
/// had to ask, and every one in process is decoded after them.
package protocol ServerInterceptor: Sendable {
  /// Runs around a call. Either call `next` once, or throw the answer.
  ///
  /// What `next` throws is the handler's answer; rethrow it or throw another.
  func intercept(
    _ context: ServerContext, next: () async throws(RPCError) -> Void
  ) async throws(RPCError)
}
