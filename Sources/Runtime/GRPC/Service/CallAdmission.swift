/// A call whose headers have come, and nothing else.
package struct AdmissionRequest: Sendable {
  package let method: MethodDescriptor
  package let metadata: Metadata
  /// Who calls, as in ``ServerContext/peer``.
  package let peer: String
  /// Whom the caller's certificate names, as in ``ServerContext/peerIdentity``.
  package let peerIdentity: PeerIdentity?

  package init(
    method: MethodDescriptor, metadata: Metadata, peer: String,
    peerIdentity: PeerIdentity? = nil
  ) {
    self.method = method
    self.metadata = metadata
    self.peer = peer
    self.peerIdentity = peerIdentity
  }
}

/// What is decided on a call by its headers.
package enum AdmissionVerdict: Sendable {
  /// It is let in. The value, which says what was found out about the caller, goes along in
  /// ``ServerContext/admission``.
  case admitted((any Sendable)?)
  case refused(RPCError)
  /// It takes a question that is answered later. The request is taken meanwhile, and not decoded
  /// before the answer: the value of ``admitted(_:)``, or an error.
  case undecided(@Sendable () async throws(RPCError) -> (any Sendable)?)
}

/// Decides on calls by their headers alone, before an interceptor or a handler runs for them and
/// before their messages are decoded: authentication, load shedding, quotas, a maintenance mode.
/// Over HTTP/2 they have no task and no context by then: what is refused costs next to nothing.
package protocol CallAdmission: Sendable {
  /// Whether the call is let in.
  ///
  /// Called once for each call to a method that exists, on the transport's executor, which waits:
  /// it decides from what it has at hand, or says that it has to ask.
  func verdict(on call: AdmissionRequest) -> AdmissionVerdict
}
