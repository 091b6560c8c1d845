internal import EventLoops
internal import GRPC
internal import Telemetry

/// What one loop of a server has counted, and its log. Used on that loop only.
final class LoopObserver {
  /// A socket that listens.
  struct Listener {
    let id = EntityID.next()
    let address: SocketAddress
  }

  let calls: CallMetrics
  let accessLog: AccessLog?
  let tracing: TracingConfiguration?
  var sampler: TraceSampler?
  /// Asked on every call's path, where looking into ``tracing`` would copy it.
  let isTracing: Bool
  var connections = ConnectionMetrics()
  var memory = MemoryMetrics()
  var listeners: [Listener] = []

  init(_ configuration: ServerObservation, table: PathTable, loopCount: Int) {
    calls = CallMetrics(names: table.names)
    let log = configuration.accessLog
    accessLog = log.flatMap { $0.selection == .off ? nil : AccessLog($0) }
    tracing = configuration.tracing
    sampler = tracing.map { TraceSampler($0, loopCount: loopCount) }
    isTracing = configuration.tracing != nil
  }
}
