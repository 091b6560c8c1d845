internal import Telemetry

/// One loop's share of the connections' metrics.
struct ConnectionMetrics {
  var acceptedCount: UInt64 = 0
  var closedCount: UInt64 = 0
  var handshakes = HandshakeMetrics()

  func add(to snapshot: inout MetricSnapshot, handlerCount: Int) {
    snapshot.add(Self.open, [], .gauge(Double(acceptedCount - closedCount)))
    snapshot.add(Self.accepted, [], .counter(Double(acceptedCount)))
    snapshot.add(Self.closed, [], .counter(Double(closedCount)))
    snapshot.add(Self.handlers, [], .gauge(Double(handlerCount)))
    handshakes.add(to: &snapshot)
  }

  private static let open = MetricDescriptor(
    "trunkline.server.connections", .gauge, "Connections that are open.")
  private static let accepted = MetricDescriptor(
    "trunkline.server.connections.accepted", .counter, "Connections that were accepted.")
  private static let closed = MetricDescriptor(
    "trunkline.server.connections.closed", .counter, "Connections that ended, by reason.")
  private static let handlers = MetricDescriptor(
    "trunkline.server.handlers", .gauge, "Handlers of calls that run.")
}
