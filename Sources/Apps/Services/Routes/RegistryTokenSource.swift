internal import API
package import Access
package import GRPC
package import Telephony
internal import WellKnown

/// What a dispatch of its own asks its registry of tokens that the route feed has not brought, and
/// tells it of those that were used. Callable from any executor.
package struct RegistryTokenSource: Sendable {
  private let client: Trunkline.Internal.V1.RouteServiceClient

  /// How long the registry may take.
  private static let timeout: Duration = .seconds(5)

  package init(channel: any Channel) {
    client = Trunkline.Internal.V1.RouteServiceClient(channel: channel)
  }

  /// A token of whatever tenant; nil when there is none, or it is revoked. Throws when the registry
  /// can't be asked.
  package func grant(_ id: APITokenID) async throws(RPCError) -> TokenGrant? {
    do throws(RPCError) {
      let answer = try await client.lookUpToken(
        .init(tokenID: id.description), options: Self.options)
      return answer.token.flatMap { TokenGrant($0) }
    } catch {
      guard error.code == .notFound else { throw error }
      return nil
    }
  }

  /// Tells the registry that a token authenticated a call.
  package func noteUse(of grant: TokenGrant, at time: Timestamp) async throws(RPCError) {
    _ = try await client.noteTokenUse(
      .init(
        tokenID: grant.id.description, tenantID: grant.tenant.description, useTime: .init(time)),
      options: Self.options)
  }

  private static var options: CallOptions {
    var options = CallOptions.defaults
    options.timeout = timeout
    return options
  }
}
