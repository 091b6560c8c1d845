/// What a channel does for the calls of each method when their ``CallOptions`` don't say otherwise
/// (grpc/doc/service_config.md).
package struct ServiceConfig: Hashable, Sendable {
  /// The settings of one method, of all methods of a service, or of all methods.
  package struct Method: Hashable, Sendable {
    /// How long a call may take; a shorter timeout of the call's own counts.
    package var timeout: Duration?
    /// See ``CallOptions/waitForReady``, which counts more.
    package var waitForReady: Bool?
    /// How failed calls are made again; `nil` is not at all.
    package var retryPolicy: RetryPolicy?

    package init(
      timeout: Duration? = nil, waitForReady: Bool? = nil, retryPolicy: RetryPolicy? = nil
    ) {
      self.timeout = timeout
      self.waitForReady = waitForReady
      self.retryPolicy = retryPolicy
    }
  }

  /// For methods that neither ``methods`` nor ``services`` names.
  package var defaults: Method
  /// By the service's name with its package, as in "trunkline.v1.AgentService".
  package var services: [String: Method]
  /// By ``MethodDescriptor/path``. They count more than ``services``; nothing is merged.
  package var methods: [String: Method]
  /// Whether and when all retries of the channel stop.
  package var retryThrottling: RetryThrottling?

  package init(
    defaults: Method = Method(), services: [String: Method] = [:], methods: [String: Method] = [:],
    retryThrottling: RetryThrottling? = nil
  ) {
    self.defaults = defaults
    self.services = services
    self.methods = methods
    self.retryThrottling = retryThrottling
  }

  /// The settings of `method`: its own, else its service's, else the ones for all.
  package func settings(for method: MethodDescriptor) -> Method {
    if !methods.isEmpty, let own = methods[method.path] { return own }
    if !services.isEmpty, let own = services[method.service] { return own }
    return defaults
  }
}
