import Registry
import Telephony
import TestKit
import Testing

@testable import StoreSQLite

struct SQLiteRegistryStoreTests {
  private let file = TemporaryDatabase()
  private let executor = SQLiteExecutor()

  @Test(arguments: RegistryStoreConformance.checks)
  func keepsTheRule(_ check: RegistryStoreCheck) async throws {
    defer { executor.stop() }
    let store = try await SQLiteRegistryStore(path: file.path, executor: executor)
    try await check.run(on: store)
  }

  @Test func secondStartFindsTheSameHistory() async throws {
    defer { executor.stop() }
    let first = try await SQLiteRegistryStore(path: file.path, executor: executor)
    let epoch = try await first.routes(after: 0, limit: 1).epoch
    let second = try await SQLiteRegistryStore(path: file.path, executor: executor)
    #expect(try await second.routes(after: 0, limit: 1).epoch == epoch)
    #expect(epoch.utf8.count == 32)
  }
}
