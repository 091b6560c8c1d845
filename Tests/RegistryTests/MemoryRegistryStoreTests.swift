import TestKit
import Testing

struct MemoryRegistryStoreTests {
  @Test(arguments: RegistryStoreConformance.checks)
  func conforms(check: RegistryStoreCheck) async throws {
    try await check.run(on: MemoryRegistryStore())
  }
}
