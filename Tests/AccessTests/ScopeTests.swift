import Access
import Telephony
import Testing

@Suite struct ScopeTests {
  @Test func aScopeGrantsItselfOnly() {
    for one in Scope.allCases where one != .admin {
      for other in Scope.allCases { #expect(Scopes(one).allow(other) == (one == other)) }
    }
  }

  @Test func anAdministratorMayAllButDispatch() {
    for scope in Scope.allCases {
      #expect(Scopes(.admin).allow(scope) == (scope != .dispatch))
    }
  }

  @Test func membersComeBackInOrder() {
    #expect(Scopes([.admin, .numbersRead]).members == [.numbersRead, .admin])
    #expect(Scopes(Scope.allCases).members == Scope.allCases)
    #expect("\(Scopes([.callsPlace, .agentsRead]))" == "agents:read calls:place")
  }

  @Test func onlyTheFirstTenantsAdministratorIsTheOperator() {
    let other = TenantID(bits: 7)
    func caller(_ tenant: TenantID, _ scope: Scope) -> Caller {
      Caller(tenant: tenant, principal: .anonymous, scopes: Scopes(scope))
    }
    #expect(caller(.main, .admin).isOperator)
    #expect(!caller(other, .admin).isOperator)
    #expect(!caller(.main, .numbersWrite).isOperator)
    #expect(!caller(.main, .dispatch).isOperator)
  }
}

@Suite struct PrincipalTests {
  @Test func textsComeBack() {
    let all: [Principal] = [
      .token(APITokenID(bits: 5)), .identity("spiffe://trunkline/dispatch"), .anonymous, .system,
    ]
    for principal in all { #expect(Principal(principal.description) == principal) }
  }

  @Test(arguments: ["", "token:", "token:tok_1", "identity:", "System", "root"])
  func otherTextsAreNone(_ text: String) {
    #expect(Principal(text) == nil)
  }
}
