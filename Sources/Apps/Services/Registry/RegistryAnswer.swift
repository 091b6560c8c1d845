internal import GRPC
internal import Registry

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
