internal import GRPC
internal import Protobuf
internal import WellKnown

/// Puts together an error of ours: a status, a text that names cause and remedy, and the standard
/// details (AIP-193). Every one carries `google.rpc.ErrorInfo` of the domain `trunkline.dev`.
struct ErrorDetails {
  /// `google.rpc.ErrorInfo.domain` of all our errors.
  static let domain = "trunkline.dev"

  private let code: StatusCode
  private let message: String
  private var details: [Google.Protobuf.`Any`]

  /// `reason` is UPPER_SNAKE_CASE, at most 63 characters; `metadata` holds the dynamic parts of
  /// the message, no secret and no full phone number.
  init(
    _ code: StatusCode, _ reason: String, _ message: String, metadata: [String: String] = [:]
  ) {
    self.code = code
    self.message = message
    var info = Google.Rpc.ErrorInfo()
    info.reason = reason
    info.domain = Self.domain
    info.metadata = metadata
    details = [Self.pack(info)]
  }

  var error: RPCError { RPCError(code, message, details: details) }

  /// Adds a `google.rpc.BadRequest` with its violations: (field, reason, description).
  func violations(
    _ violations: [(field: String, reason: String, description: String)]
  ) -> ErrorDetails {
    var bad = Google.Rpc.BadRequest()
    bad.fieldViolations = violations.map { violation in
      var entry = Google.Rpc.BadRequest.FieldViolation()
      entry.field = violation.field
      entry.reason = violation.reason
      entry.description_ = violation.description
      return entry
    }
    return adding(bad)
  }

  /// Adds a `google.rpc.ResourceInfo`, as (`trunkline.v1.Provider`, id).
  func resource(_ type: String, _ name: String) -> ErrorDetails {
    var info = Google.Rpc.ResourceInfo()
    info.resourceType = type
    info.resourceName = name
    return adding(info)
  }

  /// Adds a `google.rpc.PreconditionFailure` with its violations: (type, subject, description).
  func preconditions(
    _ violations: [(type: String, subject: String, description: String)]
  ) -> ErrorDetails {
    var failure = Google.Rpc.PreconditionFailure()
    failure.violations = violations.map { violation in
      var entry = Google.Rpc.PreconditionFailure.Violation()
      entry.type = violation.type
      entry.subject = violation.subject
      entry.description_ = violation.description
      return entry
    }
    return adding(failure)
  }

  /// Adds a `google.rpc.RetryInfo`; a second where nobody said how long.
  func retry(after delay: Duration?) -> ErrorDetails {
    var info = Google.Rpc.RetryInfo()
    info.retryDelay = Google.Protobuf.Duration(delay ?? .seconds(1))
    return adding(info)
  }

  private func adding(_ message: some Message) -> ErrorDetails {
    var more = self
    more.details.append(Self.pack(message))
    return more
  }

  private static func pack<Detail: Message>(_ message: Detail) -> Google.Protobuf.`Any` {
    var packed = Google.Protobuf.`Any`()
    packed.typeURL = "type.googleapis.com/\(Detail.fullName)"
    packed.value = message.serialized()
    return packed
  }
}

extension Google.Protobuf.Duration {
  /// The whole of a Swift duration; both count whole seconds and a fraction of the same sign.
  init(_ duration: Swift.Duration) {
    self.init()
    let (seconds, attoseconds) = duration.components
    self.seconds = seconds
    self.nanos = Int32(attoseconds / 1_000_000_000)
  }
}
