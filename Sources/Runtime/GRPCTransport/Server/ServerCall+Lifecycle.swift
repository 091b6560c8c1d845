internal import GRPC
internal import HTTP2

/// A call as its connection sees it.
extension ServerCall: ServerStreamHandler {
  var awaitsRequest: Bool {
    guard !stream.isRemoteEnded else { return false }
    switch phase {
    case .collecting: return true
    // While credit is held back it is the handler that is waited for.
    case .running: return (web?.isTorn ?? (reader.pendingByteCount > 0)) && heldCredit == 0
    case .head, .answered: return false
    }
  }

  var runningMethod: String? { task == nil ? nil : handler?.descriptor.path }

  var receivedMessageCount: UInt64 { record?.received.count ?? 0 }

  func cutOff(_ reason: DrainReason) {
    cancel(reason == .shutdown ? .shutdown : .connectionAge)
    answer(context?.cancellationError ?? RPCError(.unavailable, "The connection ends."))
  }

  func stalled(_ stall: StreamStalls.Stall) {
    cancel(stall == .slowRequest ? .tooSlow : .stalled)
    switch stall {
    case .request, .slowRequest:
      answer(context?.cancellationError)
    case .response:
      // Trailers would have to wait behind what does not go.
      connection.session.reset(stream, .cancel)
      connection.scheduleWrite()
    }
  }
}
