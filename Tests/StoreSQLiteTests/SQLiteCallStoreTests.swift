import CallDispatch
import TestKit
import Testing

@testable import StoreSQLite

struct SQLiteCallStoreTests {
  private let file = TemporaryDatabase()
  private let executor = SQLiteExecutor()

  @Test(arguments: CallStoreConformance.checks)
  func keepsTheRule(_ check: CallStoreCheck) async throws {
    defer { executor.stop() }
    let store = try await SQLiteCallStore(path: file.path, executor: executor)
    try await check.run(on: store)
  }
}
