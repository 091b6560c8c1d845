import GRPC
import TestAPI
import Testing

@testable import Interop

@Suite struct LoadReportsTests {
  @Test func oneAtATimeAndEachBeginsEmpty() async throws {
    let reports = LoadReports()
    try await reports.hold()
    reports.set(.init(cpuUtilization: 0.5))
    await withTaskGroup(of: Double?.self) { group in
      group.addTask {
        guard (try? await reports.hold()) != nil else { return nil }
        return reports.report.cpuUtilization
      }
      #expect(reports.report.cpuUtilization == 0.5)
      reports.release()
      #expect(await group.next() == 0)
    }
  }

  @Test func aCancelledCallDoesNotWait() async throws {
    let reports = LoadReports()
    try await reports.hold()
    await withTaskGroup(of: StatusCode?.self) { group in
      group.addTask {
        do throws(RPCError) {
          try await reports.hold()
          return nil
        } catch {
          return error.code
        }
      }
      group.cancelAll()
      #expect(await group.next() == .resourceExhausted)
    }
    reports.release()
    try await reports.hold()
  }
}
