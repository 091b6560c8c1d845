internal import GRPC
internal import Telephony

extension String {
  /// The id that a request's field holds. Throws INVALID_ARGUMENT naming the field.
  func identifier<Kind>(
    field: String, form: String
  ) throws(RPCError) -> HexIdentifier<Kind> {
    do throws(IdentifierError) {
      return try HexIdentifier<Kind>(self)
    } catch {
      let problem: RequestError =
        isEmpty ? .missing(field: field) : .malformed(field: field, form: "an id like \(form)")
      throw RPCError(problem)
    }
  }
}
