package import GRPC
internal import WellKnown

extension Router {
  /// A router for `services` and what every server of ours serves beside them: health, and
  /// reflection in both versions, which lists itself.
  ///
  /// Call it with a `health` that knows the services' names; ``HealthService/shutDown()`` is the
  /// first step of a shutdown. With `introspection` it serves what gRPC calls the admin interface
  /// (gRFC A38), of which channelz is the part that concerns us; it shows who is connected.
  package static func standard(
    services: [any Service], health: HealthService, interceptors: [any ServerInterceptor] = [],
    admission: (any CallAdmission)? = nil, introspection: IntrospectionRegistry? = nil
  ) -> Router {
    var router = Router(
      services: services, interceptors: interceptors, admission: admission)
    router.register(health)
    if let introspection { router.register(ChannelzService(introspection)) }
    // The index needs the reflection services' own descriptors, which need an index: the names
    // and descriptors are static, so a router that is thrown away tells them.
    var registered = router
    let nothing = DescriptorIndex([])
    registered.register(ReflectionServiceV1(nothing))
    registered.register(ReflectionServiceV1alpha(nothing))
    let index = DescriptorIndex(registered.services)
    router.register(ReflectionServiceV1(index))
    router.register(ReflectionServiceV1alpha(index))
    return router
  }
}
