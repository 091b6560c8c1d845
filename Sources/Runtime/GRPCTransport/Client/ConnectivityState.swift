/// How a channel, or one of its connections, stands (grpc/doc/connectivity-semantics-and-api.md).
///
/// ```
/// idle ──call, connect()──▶ connecting ──▶ ready ──GOAWAY, loss, no calls for long──▶ idle
///                               │  ▲          ▲
///                               ▼  └──────────┤
///                         transientFailure ───┘            any ──close()──▶ shutdown
/// ```
package enum ConnectivityState: Hashable, Sendable {
  /// Nothing is tried until somebody calls.
  case idle
  /// A name is looked up, or a connection is on its way.
  case connecting
  /// Calls can be sent.
  case ready
  /// Everything failed; it is tried again after a back-off.
  case transientFailure
  /// The channel is closed, for good.
  case shutdown
}
