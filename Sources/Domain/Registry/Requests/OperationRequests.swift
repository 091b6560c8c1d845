/// Which operations are asked for; what is unset takes all.
package struct ListOperations: Sendable {
  package var page: PageRequest
  package var phoneNumberID: String
  package var providerID: String
  package var state: Choice<OperationState>

  package init(
    page: PageRequest = PageRequest(), phoneNumberID: String = "", providerID: String = "",
    state: Choice<OperationState> = .unset
  ) {
    self.page = page
    self.phoneNumberID = phoneNumberID
    self.providerID = providerID
    self.state = state
  }
}
