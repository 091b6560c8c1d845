package import Protobuf
package import WellKnown

/// A standard detail of an error, packed for `google.rpc.Status` (google/rpc/error_details.proto).
///
/// ```swift
/// throw RPCError(.notFound, "There is no provider \(id).")
///   .adding(.errorInfo(reason: "PROVIDER_NOT_FOUND", domain: "trunkline.dev"))
///   .adding(.resourceInfo(type: "trunkline.v1.Provider", name: id))
/// ```
///
/// Details reach the caller like the message: no secret and no full phone number belongs in them.
/// Those that would make the trailers larger than 8 KiB are dropped, from the last on.
package struct ErrorDetail: Hashable, Sendable {
  package let packed: Google.Protobuf.`Any`

  /// Any message as a detail.
  package init<Detail: Message>(_ detail: Detail) {
    var packed = Google.Protobuf.`Any`()
    packed.typeURL = "type.googleapis.com/\(Detail.fullName)"
    packed.value = detail.serialized()
    self.packed = packed
  }

  /// Why, for programs. `reason` is UPPER_SNAKE_CASE of at most 63 characters and means the same
  /// within `domain` for ever; `metadata` holds the dynamic parts of the message (AIP-193).
  package static func errorInfo(
    reason: String, domain: String, metadata: [String: String] = [:]
  ) -> ErrorDetail {
    var info = Google.Rpc.ErrorInfo()
    info.reason = reason
    info.domain = domain
    info.metadata = metadata
    return ErrorDetail(info)
  }

  /// How long to wait before the call is tried again.
  package static func retryInfo(after delay: Duration) -> ErrorDetail {
    let (seconds, attoseconds) = delay.components
    var info = Google.Rpc.RetryInfo()
    info.retryDelay = Google.Protobuf.Duration()
    info.retryDelay?.seconds = seconds
    info.retryDelay?.nanos = Int32(attoseconds / 1_000_000_000)
    return ErrorDetail(info)
  }

  /// For developers; never sent to callers who are not.
  package static func debugInfo(stack: [String] = [], _ detail: String) -> ErrorDetail {
    var info = Google.Rpc.DebugInfo()
    info.stackEntries = stack
    info.detail = detail
    return ErrorDetail(info)
  }

  /// Which quotas are used up: by whom ("project:123"), and what would have been needed.
  package static func quotaFailure(
    _ violations: [(subject: String, description: String)]
  ) -> ErrorDetail {
    var failure = Google.Rpc.QuotaFailure()
    failure.violations = violations.map { violation in
      var entry = Google.Rpc.QuotaFailure.Violation()
      entry.subject = violation.subject
      entry.description_ = violation.description
      return entry
    }
    return ErrorDetail(failure)
  }

  /// What has to be so before the call can succeed.
  package static func preconditionFailure(
    _ violations: [(type: String, subject: String, description: String)]
  ) -> ErrorDetail {
    var failure = Google.Rpc.PreconditionFailure()
    failure.violations = violations.map { violation in
      var entry = Google.Rpc.PreconditionFailure.Violation()
      entry.type = violation.type
      entry.subject = violation.subject
      entry.description_ = violation.description
      return entry
    }
    return ErrorDetail(failure)
  }

  /// Which fields of the request are wrong. `field` is a path, as in "routes[0].number"; `reason`
  /// is UPPER_SNAKE_CASE.
  package static func badRequest(
    _ violations: [(field: String, reason: String, description: String)]
  ) -> ErrorDetail {
    var bad = Google.Rpc.BadRequest()
    bad.fieldViolations = violations.map { violation in
      var entry = Google.Rpc.BadRequest.FieldViolation()
      entry.field = violation.field
      entry.reason = violation.reason
      entry.description_ = violation.description
      return entry
    }
    return ErrorDetail(bad)
  }

  /// What a caller can quote when it reports the error.
  package static func requestInfo(id: String, servingData: String = "") -> ErrorDetail {
    var info = Google.Rpc.RequestInfo()
    info.requestID = id
    info.servingData = servingData
    return ErrorDetail(info)
  }

  /// Which resource the error is about, as ("trunkline.v1.Provider", its name).
  package static func resourceInfo(
    type: String, name: String, owner: String = "", description: String = ""
  ) -> ErrorDetail {
    var info = Google.Rpc.ResourceInfo()
    info.resourceType = type
    info.resourceName = name
    info.owner = owner
    info.description_ = description
    return ErrorDetail(info)
  }

  /// Where to read on.
  package static func help(_ links: [(description: String, url: String)]) -> ErrorDetail {
    var help = Google.Rpc.Help()
    help.links = links.map { link in
      var entry = Google.Rpc.Help.Link()
      entry.description_ = link.description
      entry.url = link.url
      return entry
    }
    return ErrorDetail(help)
  }

  /// The message in the caller's own language; `locale` as in "fr-CH" (BCP 47).
  package static func localizedMessage(locale: String, _ message: String) -> ErrorDetail {
    var localized = Google.Rpc.LocalizedMessage()
    localized.locale = locale
    localized.message = message
    return ErrorDetail(localized)
  }
}

extension RPCError {
  /// The error with `detail`. Each type of detail is there once (AIP-193): a second one takes the
  /// first one's place.
  package func adding(_ detail: ErrorDetail) -> RPCError {
    var error = self
    if let index = error.details.firstIndex(where: { $0.typeURL == detail.packed.typeURL }) {
      error.details[index] = detail.packed
    } else {
      error.details.append(detail.packed)
    }
    return error
  }

  /// The detail of this type; `nil` if there is none, or none that can be read.
  package func detail<Detail: Message>(_ type: Detail.Type) -> Detail? {
    let suffix = "/\(Detail.fullName)"
    guard let packed = details.first(where: { $0.typeURL.hasSuffix(suffix) }) else { return nil }
    return try? MessageCoding.response(packed.value)
  }

  /// Tells the client when its automatic retry may come (gRFC A6), in whole milliseconds, and a
  /// program the same in a `RetryInfo`; `nil`: never.
  package func pushingBack(retryAfter delay: Duration?) -> RPCError {
    var error = self
    let milliseconds = delay.map { max(Int64($0 / .milliseconds(1)), 0) }
    error.metadata["grpc-retry-pushback-ms"] = "\(milliseconds ?? -1)"
    return delay.map { error.adding(.retryInfo(after: $0)) } ?? error
  }
}
