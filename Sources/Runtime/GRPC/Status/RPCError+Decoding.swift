package import Protobuf

extension RPCError {
  /// A request that can't be read: the caller's mistake, with the standard details (AIP-193).
  ///
  /// Decoding stops at the first mistake and does not say in which field it is, so that the
  /// violation names none.
  package init(undecodable error: DecodingError, as request: String) {
    self.init(malformed: request, field: "", error.description)
  }

  /// A request whose JSON can't be read: the violation names the field if the mistake is in one.
  package init(undecodable error: JSONError, as request: String) {
    let field =
      switch error {
      case .value(let path, _), .unknownField(let path), .duplicate(let path): path
      case .syntax, .nestedTooDeep, .unknownType, .unrepresentable: ""
      }
    self.init(malformed: request, field: field, error.description)
  }

  private init(malformed request: String, field: String, _ description: String) {
    let details: [ErrorDetail] = [
      .errorInfo(reason: "INVALID_ARGUMENT", domain: "trunkline.dev"),
      .badRequest([(field: field, reason: "MALFORMED", description: description)]),
    ]
    self.init(
      .invalidArgument, "The request is not a valid \(request). \(description)",
      details: details.map(\.packed))
  }
}
