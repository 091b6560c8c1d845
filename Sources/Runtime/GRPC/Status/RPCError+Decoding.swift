package import Protobuf
internal import WellKnown

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
    var info = Google.Rpc.ErrorInfo()
    info.reason = "INVALID_ARGUMENT"
    info.domain = "trunkline.dev"
    var violation = Google.Rpc.BadRequest.FieldViolation()
    violation.field = field
    violation.reason = "MALFORMED"
    violation.description_ = description
    var bad = Google.Rpc.BadRequest()
    bad.fieldViolations = [violation]
    self.init(
      .invalidArgument, "The request is not a valid \(request). \(description)",
      details: [Self.pack(info), Self.pack(bad)])
  }

  private static func pack<Detail: Message>(_ detail: Detail) -> Google.Protobuf.`Any` {
    var packed = Google.Protobuf.`Any`()
    packed.typeURL = "type.googleapis.com/\(Detail.fullName)"
    packed.value = detail.serialized()
    return packed
  }
}
