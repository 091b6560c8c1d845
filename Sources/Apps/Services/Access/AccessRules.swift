package import Access
package import GRPC

/// A service that has no scopes of its own, and a setting in their place.
package enum PublicService: String, Sendable, Hashable, CaseIterable {
  case health
  case reflection

  fileprivate var names: [String] {
    switch self {
    case .health: ["grpc.health.v1.Health"]
    case .reflection:
      ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]
    }
  }
}

/// What a caller of each method must be.
package struct AccessRules: Sendable {
  package enum Rule: Sendable, Hashable {
    /// Everybody, unauthenticated too.
    case open
    /// Whoever is authenticated.
    case anyCaller
    /// The administrator of the deployment's first tenant.
    case operatorOnly
    case scope(Scope)
  }

  private let methods: [MethodDescriptor: Rule]
  private let services: [String: Rule]

  /// The contract's `services` by their methods' option `required_scope`; health and reflection
  /// open where `open` says so, else for every caller; channelz for the operator.
  package init(
    methods scopes: [MethodDescriptor: Scope], open: Set<PublicService>
  ) {
    methods = scopes.mapValues { .scope($0) }
    var services: [String: Rule] = ["grpc.channelz.v1.Channelz": .operatorOnly]
    for service in PublicService.allCases {
      for name in service.names { services[name] = open.contains(service) ? .open : .anyCaller }
    }
    self.services = services
  }

  /// The rules of what `services` serve. A method without a scope that is known has no rule.
  package init(_ services: [any Service], open: Set<PublicService>) {
    var scopes: [MethodDescriptor: Scope] = [:]
    let router = Router(services: services)
    for service in services {
      let names = type(of: service).requiredScopes
      for handler in router.methods where handler.descriptor.service == type(of: service).name {
        let name = names[handler.descriptor.method]
        scopes[handler.descriptor] = name.flatMap { Scope(rawValue: $0) }
      }
    }
    self.init(methods: scopes, open: open)
  }

  /// nil: nobody may call it.
  package func rule(of method: MethodDescriptor) -> Rule? {
    methods[method] ?? services[method.service]
  }
}
