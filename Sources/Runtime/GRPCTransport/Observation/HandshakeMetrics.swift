internal import TLS
internal import Telemetry

/// One loop's share of gRFC A118's `grpc.server.tls.handshakes`.
struct HandshakeMetrics {
  private var counts: [Key: UInt64] = [:]

  private struct Key: Hashable {
    let result: TLSHandshakeResult
    let resumption: TLSResumption?
  }

  /// Counts a handshake that ended; `resumption` is `nil` for one that did not come so far.
  mutating func note(_ result: TLSHandshakeResult, _ resumption: TLSResumption?) {
    counts[Key(result: result, resumption: resumption), default: 0] &+= 1
  }

  func add(to snapshot: inout MetricSnapshot) {
    snapshot.add(Self.handshakes)
    for (key, count) in counts {
      var labels = [MetricSnapshot.Label("grpc.tls.handshake.result", key.result.rawValue)]
      if let resumption = key.resumption {
        labels.append(MetricSnapshot.Label("grpc.tls.handshake.resumed", resumption.rawValue))
      }
      snapshot.add(Self.handshakes, labels, .counter(Double(count)))
    }
  }

  private static let handshakes = MetricDescriptor(
    "grpc.server.tls.handshakes", .counter, "TLS handshakes that ended, well or not.")
}
