package import WellKnown

/// A call that ended with another status than OK.
///
/// A handler throws it to answer; a client gets it as the answer. `message` may reach a caller:
/// no secret and no full phone number belongs in it.
package struct RPCError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Never ``StatusCode/ok``.
  package var code: StatusCode
  /// A fact with its value and limit, for people.
  package var message: String
  /// For programs: google.rpc.ErrorInfo and its like. Sent as `grpc-status-details-bin`; dropped
  /// from the end when they would not fit in 8 KiB of trailers.
  package var details: [Google.Protobuf.`Any`]
  /// Trailing metadata beside the status.
  package var metadata: Metadata

  package init(
    _ code: StatusCode, _ message: String, details: [Google.Protobuf.`Any`] = [],
    metadata: Metadata = [:]
  ) {
    precondition(code != .ok, "an error can't be OK")
    self.code = code
    self.message = message
    self.details = details
    self.metadata = metadata
  }

  package var description: String { message.isEmpty ? "\(code)" : "\(code): \(message)" }

  /// What a caller gets for an error that nobody put into words; the cause stays with us.
  package static let unexpected = RPCError(.unknown, "The server failed to handle the call.")
}
