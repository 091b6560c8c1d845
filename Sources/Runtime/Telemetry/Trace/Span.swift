/// One operation of a trace, when it is over.
package struct Span: Sendable {
  /// Which side of a call it is.
  package enum Kind: Sendable {
    case server
    case client
  }

  /// The value of an attribute.
  package enum Value: Hashable, Sendable {
    case text(String)
    case integer(Int64)
  }

  package let context: TraceContext
  /// The operation that caused this one; `nil` for the first of a trace.
  package let parent: UInt64?
  package let name: String
  package let kind: Kind
  /// Nanoseconds since 1970.
  package let startedAt: UInt64
  package let endedAt: UInt64
  package let attributes: [(name: String, value: Value)]
  /// Whether the operation failed through this side's fault.
  package let isError: Bool

  package init(
    context: TraceContext, parent: UInt64?, name: String, kind: Kind, startedAt: UInt64,
    endedAt: UInt64, attributes: [(name: String, value: Value)], isError: Bool
  ) {
    self.context = context
    self.parent = parent
    self.name = name
    self.kind = kind
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.attributes = attributes
    self.isError = isError
  }
}

/// Where spans go. Callable from any executor; it must not wait.
package protocol SpanSink: Sendable {
  func record(_ span: Span)
}
