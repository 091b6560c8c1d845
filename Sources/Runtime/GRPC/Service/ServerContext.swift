internal import Synchronization

/// Why a call is cancelled before its handler has answered.
package enum CancellationCause: Hashable, Sendable {
  /// The client reset the stream.
  case clientReset
  /// The call's deadline has passed.
  case deadline
  /// The connection is gone.
  case disconnect
  /// The client left a message unfinished, or read nothing of what waited for it, for too long.
  case stalled
  /// The client sent less of a message than it must in the time that it took.
  case tooSlow
  /// The connection reached its age, and waited long enough.
  case connectionAge
  /// More waits than may, of the call or of all calls; the sentence says of what and how much.
  case overBudget(String)
  /// The server stops and waited long enough.
  case shutdown
}

/// When a call has to be over, in a box: the clock's type is laid out at run time, and with it
/// whatever holds it directly.
package final class CallDeadline: Sendable {
  package let instant: ContinuousClock.Instant

  package init(_ instant: ContinuousClock.Instant) { self.instant = instant }
}

/// One call as its handler sees it. Callable from any executor.
package final class ServerContext: Sendable {
  package let method: MethodDescriptor
  /// The request's metadata.
  package let metadata: Metadata
  /// Who calls, as in "ipv4:127.0.0.1:40112" or "in-process".
  package let peer: String
  /// Whom the caller's certificate names; `nil` in plaintext and for one that showed none.
  package let peerIdentity: PeerIdentity?
  /// When the caller stops waiting. The transport cancels the handler then.
  package var deadline: ContinuousClock.Instant? { boxedDeadline?.instant }
  /// Whether there is a ``deadline``.
  package var hasDeadline: Bool { boxedDeadline != nil }
  /// Where the call stands in its trace; `nil` without one.
  package let trace: CallTrace?
  /// Whether calls that the handler makes have something to take over from this one: a deadline or
  /// a trace. Stored, since every call asks.
  let hasInheritance: Bool

  private struct State {
    var initialMetadata: Metadata = [:]
    var trailingMetadata: Metadata = [:]
    var cause: CancellationCause?
    var isRequestCompressed = false
    var compressesResponses: Bool?
    var admission: (any Sendable)?
  }

  private let boxedDeadline: CallDeadline?
  private let state = Mutex(State())
  /// Whether there ever was metadata of ours: asked on every call's path, where a lock costs more.
  private let hadMetadata = Atomic(false)

  package convenience init(
    method: MethodDescriptor, metadata: Metadata = [:], peer: String = "in-process",
    peerIdentity: PeerIdentity? = nil, deadline: ContinuousClock.Instant? = nil,
    trace: CallTrace? = nil
  ) {
    self.init(
      method: method, metadata: metadata, peer: peer, peerIdentity: peerIdentity,
      boxedDeadline: deadline.map { CallDeadline($0) }, trace: trace)
  }

  /// The same for a transport, on every call's path.
  package init(
    method: MethodDescriptor, metadata: Metadata, peer: String, peerIdentity: PeerIdentity?,
    boxedDeadline: CallDeadline?, trace: CallTrace?
  ) {
    self.method = method
    self.metadata = metadata
    self.peer = peer
    self.peerIdentity = peerIdentity
    self.boxedDeadline = boxedDeadline
    self.trace = trace
    hasInheritance = boxedDeadline != nil || trace != nil
  }

  /// The call whose handler runs in this task, if there is one and it has a deadline or a trace. A
  /// client's call made meanwhile ends no later than this one, and belongs to the same trace.
  @TaskLocal package static var current: ServerContext?

  /// How often the client has tried this call before, as it says itself (gRFC A6).
  package var previousAttemptCount: Int {
    max(metadata["grpc-previous-rpc-attempts"].flatMap { Int($0) } ?? 0, 0)
  }

  /// Replaces the metadata that goes before the first message; too late after it.
  package func setInitialMetadata(_ metadata: Metadata) {
    state.withLock { $0.initialMetadata = metadata }
    hadMetadata.store(true, ordering: .releasing)
  }

  /// Replaces the metadata that goes with the status, whichever it is.
  package func setTrailingMetadata(_ metadata: Metadata) {
    state.withLock { $0.trailingMetadata = metadata }
    hadMetadata.store(true, ordering: .releasing)
  }

  /// Whether there is metadata of ours to be sent.
  package var hasOutgoingMetadata: Bool {
    guard hadMetadata.load(ordering: .acquiring) else { return false }
    return state.withLock { !$0.initialMetadata.isEmpty || !$0.trailingMetadata.isEmpty }
  }

  package var initialMetadata: Metadata { state.withLock { $0.initialMetadata } }
  package var trailingMetadata: Metadata { state.withLock { $0.trailingMetadata } }

  // MARK: Admission

  /// What the router's ``CallAdmission`` found out about the caller; `nil` without one.
  package var admission: (any Sendable)? { state.withLock { $0.admission } }

  /// For transports: notes what goes along with ``AdmissionVerdict/admitted(_:)``, before the
  /// handler starts.
  package func noteAdmission(_ admission: (any Sendable)?) {
    state.withLock { $0.admission = admission }
  }

  // MARK: Compression

  /// Whether the request message that the handler took last came compressed.
  package var isRequestCompressed: Bool { state.withLock { $0.isRequestCompressed } }

  /// For transports: notes how the message came that the handler gets next.
  package func noteRequest(isCompressed: Bool) {
    state.withLock { $0.isRequestCompressed = isCompressed }
  }

  /// Has every response message of this call compressed from now on, or none; `nil` leaves it to
  /// the server. It is only done with an encoding that the client takes.
  ///
  /// A message that holds both a secret and what an attacker may choose is best not compressed: its
  /// size tells of the secret (CRIME, BREACH).
  package func setCompressesResponses(_ compresses: Bool?) {
    state.withLock { $0.compressesResponses = compresses }
  }

  package var compressesResponses: Bool? { state.withLock { $0.compressesResponses } }

  // MARK: The end

  /// Why the handler's task is cancelled; `nil` while the call lives.
  package var cancellationCause: CancellationCause? { state.withLock { $0.cause } }

  /// For transports: notes why the call ends, before its task is cancelled. The first cause stays.
  package func noteCancellation(_ cause: CancellationCause) {
    state.withLock { if $0.cause == nil { $0.cause = cause } }
  }

  /// Runs `body`, and `onCancel` with the cause if the call ends early meanwhile: at once, on
  /// whichever thread that is, so that it does little.
  ///
  /// A task that something else than the call cancels is not the call's end.
  package func withCancellationHandler<Result>(
    _ body: () async throws(RPCError) -> Result,
    onCancel: @escaping @Sendable (CancellationCause) -> Void
  ) async throws(RPCError) -> Result {
    let result = await withTaskCancellationHandler { () async -> Swift.Result<Result, RPCError> in
      do throws(RPCError) {
        return .success(try await body())
      } catch {
        return .failure(error)
      }
    } onCancel: {
      // The transport notes the cause before it cancels.
      if let cause = cancellationCause { onCancel(cause) }
    }
    return try result.get()
  }

  /// When a client whose call was ended since too much waited may try again by itself.
  private static let overBudgetRetry = Duration.seconds(1)

  /// The error of a call that ended early: what a stream throws to a handler that goes on.
  package var cancellationError: RPCError {
    switch cancellationCause {
    case .clientReset, nil: RPCError(.cancelled, "The client cancelled the call.")
    case .deadline: RPCError(.deadlineExceeded, "The call's deadline has passed.")
    case .disconnect: RPCError(.cancelled, "The client's connection is gone.")
    case .stalled:
      RPCError(
        .deadlineExceeded, "The call stood still for too long: the client sent or read nothing.")
    case .tooSlow:
      RPCError(
        .deadlineExceeded,
        "The request came too slowly: fewer bytes a second than the server asks for.")
    case .connectionAge:
      RPCError(.unavailable, "The connection reached its age. Call again on a new one.")
    case .overBudget(let sentence):
      RPCError(.resourceExhausted, sentence).pushingBack(retryAfter: Self.overBudgetRetry)
    case .shutdown: RPCError(.unavailable, "The server is shutting down.")
    }
  }
}
