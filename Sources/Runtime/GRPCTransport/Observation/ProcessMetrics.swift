internal import EventLoops
package import Telemetry

/// The process itself as metrics, by the names that Prometheus's own clients use.
package enum ProcessMetrics {
  /// Reads /proc; empty where there is none. Callable from any executor.
  package static func read() -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    guard let process = ProcessStatistics.read() else { return snapshot }
    snapshot.add(startTime, [], .gauge(process.startTime))
    snapshot.add(cpu, [], .counter(process.cpuSeconds))
    snapshot.add(resident, [], .gauge(Double(process.residentBytes)))
    snapshot.add(virtual, [], .gauge(Double(process.virtualBytes)))
    if let count = process.openFileCount { snapshot.add(openFiles, [], .gauge(Double(count))) }
    if let limit = process.openFilesMax { snapshot.add(openFilesMax, [], .gauge(Double(limit))) }
    return snapshot
  }

  private static let startTime = MetricDescriptor(
    "process.start_time", .gauge, unit: .seconds, "When the process began, in Unix time.")
  private static let cpu = MetricDescriptor(
    "process.cpu", .counter, unit: .seconds, "CPU time of the process, user and system.")
  private static let resident = MetricDescriptor(
    "process.resident_memory", .gauge, unit: .bytes, "Memory that is in RAM.")
  private static let virtual = MetricDescriptor(
    "process.virtual_memory", .gauge, unit: .bytes, "Address space in use.")
  private static let openFiles = MetricDescriptor(
    "process.open_fds", .gauge, "File descriptors that are open.")
  private static let openFilesMax = MetricDescriptor(
    "process.max_fds", .gauge, "The limit of open file descriptors.")
}
