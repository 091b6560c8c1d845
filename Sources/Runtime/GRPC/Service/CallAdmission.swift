/// A call whose headers have come, and nothing else.
package struct AdmissionRequest: Sendable {
  package let method: MethodDescriptor
  package let metadata: Metadata
  /// Who calls, as in ``ServerContext/peer``.
  package let peer: String

  package init(method: MethodDescriptor, metadata: Metadata, peer: String) {
    self.method = method
    self.metadata = metadata
    self.peer = peer
  }
}

/// Decides on calls by their headers alone, before a task, a context or an interceptor exists for
/// them: load shedding, quotas, a maintenance mode. What is refused here costs next to nothing.
package protocol CallAdmission: Sendable {
  /// Why the call is refused; `nil` lets it in.
  ///
  /// Called once for each call to a method that exists, on its connection's loop, which waits: it
  /// decides from what it has at hand.
  func refusal(of call: AdmissionRequest) -> RPCError?
}
