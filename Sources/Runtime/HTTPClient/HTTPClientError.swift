/// Why an exchange gave no answer. No case holds a URL, a header or a body.
package enum HTTPClientError: Error, Sendable, Hashable {
  /// Whether the peer can have acted on the request.
  package enum Sent: Sendable, Hashable {
    /// Not one byte of the request left this process.
    case beforeSend
    /// The request may have reached the peer, whole or in part.
    case afterSend
  }

  /// What is wrong with a request that was not even tried. The caller's fault.
  package enum Flaw: Sendable, Hashable {
    case urlTooLong
    case urlNotAllowed
    case headerNotAllowed
    case tooManyHeaders
    case bodyNotAllowed
  }

  case invalidRequest(Flaw)
  /// As many requests wait as may wait. The caller is too fast.
  case queueFull(limit: Int)
  /// The client was closed, before or during the exchange.
  case closed(Sent)
  /// The calling task was cancelled; the transfer was aborted.
  case cancelled(Sent)
  /// The time was over: that for connecting, or that for all.
  case timedOut(Sent)
  /// The peer's name has no address.
  case unresolvable
  /// No connection came about.
  case unreachable
  /// The TLS handshake failed, or the peer's certificate was not accepted.
  case tlsFailed
  /// The connection broke, or closed without a whole answer.
  case connectionLost(Sent)
  /// The answer is not HTTP, or against its rules. The peer's fault.
  case malformedResponse
  /// The body or the header is larger than the limit, in bytes or fields. The peer's fault.
  case responseTooLarge(limit: Int)
  /// libcurl failed otherwise, as for lack of memory. Ours.
  case failed(code: UInt32, Sent)

  /// Whether the peer can have acted on the request. When in doubt it is ``Sent/afterSend``.
  package var sent: Sent {
    switch self {
    case .invalidRequest, .queueFull, .unresolvable, .unreachable, .tlsFailed: .beforeSend
    case .closed(let sent), .cancelled(let sent), .timedOut(let sent),
      .connectionLost(let sent), .failed(_, let sent):
      sent
    case .malformedResponse, .responseTooLarge: .afterSend
    }
  }
}

extension HTTPClientError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .invalidRequest(let flaw): "The request can't be sent: \(flaw)."
    case .queueFull(let limit): "\(limit) requests wait already."
    case .closed(let sent): "The client was closed (\(sent))."
    case .cancelled(let sent): "The request was cancelled (\(sent))."
    case .timedOut(let sent): "The request took too long (\(sent))."
    case .unresolvable: "The peer's name has no address."
    case .unreachable: "The peer can't be reached."
    case .tlsFailed: "The peer was reached, but TLS with it failed."
    case .connectionLost(let sent): "The connection was lost (\(sent))."
    case .malformedResponse: "The peer's answer is not HTTP."
    case .responseTooLarge(let limit): "The peer's answer is larger than \(limit)."
    case .failed(let code, let sent): "libcurl failed with code \(code) (\(sent))."
    }
  }
}
