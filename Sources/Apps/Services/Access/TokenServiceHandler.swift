package import API
internal import Access
package import GRPC
package import Registry
internal import Telephony
internal import WellKnown

/// `trunkline.v1.TokenService` over the registry's use cases.
package struct TokenServiceHandler: Trunkline.V1.TokenServiceProtocol {
  private let tokens: Tokens

  package init(_ tokens: Tokens) { self.tokens = tokens }

  package func createToken(
    _ request: Trunkline.V1.CreateTokenRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.CreateTokenResponse {
    let caller = try context.caller
    // The name is the caller's choice, and stands beside a secret (CRIME).
    context.setCompressesResponses(false)
    let create = CreateToken(
      displayName: request.displayName, scopes: request.scopes,
      expireTime: try request.expireTime.map { (time) throws(RPCError) in
        try time.timestamp(field: "expire_time")
      },
      tenantID: request.tenantID, requestID: request.requestID)
    let made = try await answer { () async throws(RegistryError) in
      try await tokens.create(create, by: caller)
    }
    return .init(token: .init(made.token), tokenText: made.text?.revealed ?? "")
  }

  package func listTokens(
    _ request: Trunkline.V1.ListTokensRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.ListTokensResponse {
    let caller = try context.caller
    let asked = PageRequest(size: Int(request.pageSize), token: request.pageToken)
    let page = try await answer { () async throws(RegistryError) in
      try await tokens.list(asked, of: request.tenantID, by: caller)
    }
    return .init(tokens: page.elements.map { .init($0) }, nextPageToken: page.nextToken)
  }

  package func revokeToken(
    _ request: Trunkline.V1.RevokeTokenRequest, context: ServerContext
  ) async throws(RPCError) -> Trunkline.V1.RevokeTokenResponse {
    let caller = try context.caller
    let token = try await answer { () async throws(RegistryError) in
      try await tokens.revoke(request.id, of: request.tenantID, by: caller)
    }
    return .init(token: .init(token))
  }
}

extension Trunkline.V1.Token {
  fileprivate init(_ token: APIToken) {
    self.init()
    id = token.id.description
    tenantID = token.tenant.description
    displayName = token.displayName
    scopes = token.scopes.members.map(\.rawValue)
    creator = token.creator.description
    createTime = .init(token.createTime)
    expireTime = token.expireTime.map { .init($0) }
    lastUseTime = token.lastUseTime.map { .init($0) }
    revokeTime = token.revokeTime.map { .init($0) }
  }
}
