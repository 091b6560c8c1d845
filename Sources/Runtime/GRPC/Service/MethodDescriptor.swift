/// Which sides of a method stream.
package enum MethodKind: Hashable, Sendable {
  case unary
  case clientStreaming
  case serverStreaming
  case bidirectionalStreaming
}

/// One method of one service.
package struct MethodDescriptor: Hashable, Sendable {
  /// With its package, as in "trunkline.v1.AgentService".
  package let service: String
  /// As in "CreateAgent".
  package let method: String
  package let kind: MethodKind

  package init(service: String, method: String, kind: MethodKind) {
    self.service = service
    self.method = method
    self.kind = kind
  }

  /// What a request names: "/trunkline.v1.AgentService/CreateAgent".
  package var path: String { "/\(service)/\(method)" }
}
