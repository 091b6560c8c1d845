internal import GRPC
internal import Registry
internal import Telephony

/// Runs a use case and tells its error as a status.
func answer<Result>(
  _ body: () async throws(RegistryError) -> Result
) async throws(RPCError) -> Result {
  do throws(RegistryError) {
    return try await body()
  } catch {
    throw RPCError(error)
  }
}

extension ServerContext {
  /// Who calls. Every caller is the one tenant until tokens tell tenants apart.
  var tenant: TenantID { .main }
}
