package import EventLoops
package import GRPC
package import TestAPI
internal import WellKnown

/// xds.service.orca.v3.OpenRcaService: tells ``LoadReports`` to who asks, at intervals.
package struct OpenRcaService: Xds.Service.Orca.V3.OpenRcaServiceProtocol {
  typealias Orca = Xds.Data.Orca.V3

  /// A client that asks for reports more often gets them this often.
  static let intervalMin = Duration.milliseconds(100)
  /// Without an interval, or with one that is longer.
  static let intervalMax = Duration.seconds(30)

  private let reports: LoadReports
  /// Whose timers the intervals wait for.
  private let loop: EventLoop

  package init(_ reports: LoadReports, loop: EventLoop) {
    self.reports = reports
    self.loop = loop
  }

  package func streamCoreMetrics(
    _ request: Xds.Service.Orca.V3.OrcaLoadReportRequest,
    responses: ResponseWriter<Xds.Data.Orca.V3.OrcaLoadReport>, context: ServerContext
  ) async throws(RPCError) {
    let interval = Self.interval(request)
    while true {
      try await responses.write(reports.report)
      do {
        try await loop.sleep(for: interval)
      } catch {
        throw context.cancellationError
      }
    }
  }

  private static func interval(_ request: Xds.Service.Orca.V3.OrcaLoadReportRequest) -> Duration {
    guard let asked = request.reportInterval, asked.seconds >= 0, asked.nanos >= 0,
      asked.seconds < intervalMax.components.seconds
    else { return intervalMax }
    return max(.seconds(asked.seconds) + .nanoseconds(Int64(asked.nanos)), intervalMin)
  }
}
