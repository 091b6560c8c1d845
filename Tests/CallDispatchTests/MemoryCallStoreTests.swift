import CallDispatch
import TestKit
import Testing

struct MemoryCallStoreTests {
  @Test(arguments: CallStoreConformance.checks)
  func keeps(_ check: CallStoreCheck) async throws {
    try await check.run(on: MemoryCallStore())
  }
}
