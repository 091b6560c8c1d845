internal import Telemetry

/// One loop's share of the connections' metrics.
struct ConnectionMetrics {
  var acceptedCount: UInt64 = 0
  var handshakes = HandshakeMetrics()
  private(set) var closedCount: UInt64 = 0
  /// By ``CloseReason/name``.
  private var closed: [String: UInt64] = [:]
  /// By the name of a ``ConnectionAdmission/Refusal``.
  private var refused: [String: UInt64] = [:]

  /// `reason` is one of a few words.
  mutating func noteClosed(_ reason: String) {
    closedCount &+= 1
    closed[reason, default: 0] &+= 1
  }

  /// `reason` is one of a few words.
  mutating func noteRefused(_ reason: String) { refused[reason, default: 0] &+= 1 }

  func add(to snapshot: inout MetricSnapshot, handlerCount: Int) {
    snapshot.add(Self.open, [], .gauge(Double(acceptedCount - closedCount)))
    snapshot.add(Self.accepted, [], .counter(Double(acceptedCount)))
    snapshot.add(Self.closed)
    for (reason, count) in closed.sorted(by: { $0.key < $1.key }) {
      snapshot.add(Self.closed, [.init("reason", reason)], .counter(Double(count)))
    }
    snapshot.add(Self.refused)
    for (reason, count) in refused.sorted(by: { $0.key < $1.key }) {
      snapshot.add(Self.refused, [.init("reason", reason)], .counter(Double(count)))
    }
    snapshot.add(Self.handlers, [], .gauge(Double(handlerCount)))
    handshakes.add(to: &snapshot)
  }

  private static let open = MetricDescriptor(
    "trunkline.server.connections", .gauge, "Connections that are open.")
  private static let accepted = MetricDescriptor(
    "trunkline.server.connections.accepted", .counter, "Connections that were accepted.")
  private static let closed = MetricDescriptor(
    "trunkline.server.connections.closed", .counter, "Connections that ended, by reason.")
  private static let refused = MetricDescriptor(
    "trunkline.server.connections.refused", .counter,
    "Connections that were closed at once since there were too many, by reason.")
  private static let handlers = MetricDescriptor(
    "trunkline.server.handlers", .gauge, "Handlers of calls that run.")
}
