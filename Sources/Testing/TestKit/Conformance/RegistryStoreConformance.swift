package import Registry
internal import Telephony

/// One rule that every registry store keeps.
package struct RegistryStoreCheck: Sendable, CustomStringConvertible {
  package let description: String
  private let body: @Sendable (any RegistryStore) async throws -> Void

  init(_ description: String, _ body: @escaping @Sendable (any RegistryStore) async throws -> Void)
  {
    self.description = description
    self.body = body
  }

  /// Runs over a store that is empty. Throws `ConformanceFailure` where the rule is broken.
  package func run(on store: any RegistryStore) async throws {
    try await body(store)
  }
}

/// A rule that a store broke.
package struct ConformanceFailure: Error, CustomStringConvertible {
  package let description: String
}

/// The checks, for the argument list of a test: each runs over a store of its own.
package enum RegistryStoreConformance {
  package static let checks: [RegistryStoreCheck] =
    providerChecks + gatewayChecks + numberChecks + agentChecks + listChecks + transactionChecks
    + journalChecks + operationChecks + leaseChecks + routeChecks + tokenChecks + auditChecks
    + quotaChecks
    + eventChecks + isolationChecks + parallelChecks + deadlockChecks
}

/// Throws unless `condition` holds.
func require(
  _ condition: Bool, _ what: String, line: Int = #line
) throws {
  if !condition { throw ConformanceFailure(description: "\(what) (line \(line))") }
}

/// Throws unless both are equal.
func requireEqual<Value: Equatable>(
  _ value: Value, _ expected: Value, _ what: String = "value", line: Int = #line
) throws {
  if value != expected {
    throw ConformanceFailure(description: "\(what) is \(value), not \(expected) (line \(line))")
  }
}

/// Throws unless the store refuses `write` with `error`.
func requireRefused(
  _ store: any RegistryStore, _ write: SampleWrite, _ error: StoreError, line: Int = #line
) async throws {
  do {
    _ = try await store.commit(write)
  } catch let caught {
    try requireEqual(caught, error, "error", line: line)
    return
  }
  throw ConformanceFailure(description: "The write was taken. (line \(line))")
}
