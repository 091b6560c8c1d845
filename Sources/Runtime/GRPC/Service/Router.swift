package import Protobuf

/// Which handler answers which path, and what runs around all of them.
///
/// Made once, before a server starts; then it only answers. A path is matched byte for byte
/// before any interceptor runs.
package struct Router: Sendable {
  /// A service that a router serves, for reflection and health.
  package struct RegisteredService: Sendable {
    package let name: String
    /// A serialized google.protobuf.FileDescriptorSet.
    package let fileDescriptorSet: [UInt8]
  }

  private var handlers: [String: any MethodHandler] = [:]
  /// In the order of their registration.
  package private(set) var services: [RegisteredService] = []
  /// Run around every call, the first one outermost.
  package let interceptors: [any ServerInterceptor]
  /// Asked about every call before its handler, and so before the interceptors.
  package let admission: (any CallAdmission)?

  package init(
    services: [any Service] = [], interceptors: [any ServerInterceptor] = [],
    admission: (any CallAdmission)? = nil
  ) {
    self.interceptors = interceptors
    self.admission = admission
    for service in services { register(service) }
  }

  /// Adds a service with its methods.
  package mutating func register(_ service: some Service) {
    let name = type(of: service).name
    precondition(!services.contains { $0.name == name }, "service \(name) is registered twice")
    services.append(
      RegisteredService(name: name, fileDescriptorSet: type(of: service).fileDescriptorSet))
    service.register(in: &self)
  }

  /// The handler of `path`, as in "/trunkline.v1.AgentService/CreateAgent".
  package func handler(for path: String) -> (any MethodHandler)? { handlers[path] }

  /// All methods, in no order.
  package var methods: [any MethodHandler] { Array(handlers.values) }

  /// Adds a unary method.
  package mutating func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ request: Request.Type, _ response: Response.Type,
    _ body: @escaping @Sendable (Request, ServerContext) async throws(RPCError) -> Response
  ) {
    unary(method, request, response, body) { bytes, call in
      let request: Request
      do throws(DecodingError) {
        request = try Request(serialized: bytes)
      } catch {
        return call.refuse(error, as: Request.fullName)
      }
      return call.start {
        do throws(RPCError) {
          var response: Response?
          try await call.run { () async throws(RPCError) in
            response = try await body(request, call.context)
          }
          guard let response else { throw .unexpected }
          call.reply.succeed { response.serialize(into: &$0) }
        } catch {
          call.reply.fail(error)
        }
      }
    }
  }

  /// Adds a unary method with its fast path, which generated code writes out with the message types
  /// at hand: behind a generic function of another module they would cost a fifth of the call.
  package mutating func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ request: Request.Type, _ response: Response.Type,
    _ body: @escaping @Sendable (Request, ServerContext) async throws(RPCError) -> Response,
    start: @escaping @Sendable (RawSpan, UnaryCall) -> Void
  ) {
    let json = MessageJSON(request, response)
    let run: UnaryHandler.Run = { (stream, context) async throws(RPCError) in
      let request = try await stream.onlyRequest(Request.self)
      try await stream.send(message: MessageCoding.bytes(try await body(request, context)))
    }
    add(
      UnaryHandler(
        method, json, interceptors, isLong: { Request.takesLong(serialized: $0) }, run: run,
        start: start))
  }

  /// Adds a method with one request and a stream of responses.
  package mutating func serverStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ request: Request.Type, _ response: Response.Type,
    _ body:
      @escaping @Sendable (Request, ResponseWriter<Response>, ServerContext)
      async throws(RPCError) -> Void
  ) {
    add(
      StreamingHandler(method, MessageJSON(request, response), interceptors) {
        stream, context throws(RPCError) in
        let request = try await stream.onlyRequest(Request.self)
        try await body(request, ResponseWriter(stream, context: context), context)
      })
  }

  /// Adds a method with a stream of requests and one response.
  package mutating func clientStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ request: Request.Type, _ response: Response.Type,
    _ body:
      @escaping @Sendable (RequestStream<Request>, ServerContext)
      async throws(RPCError) -> Response
  ) {
    add(
      StreamingHandler(method, MessageJSON(request, response), interceptors) {
        stream, context throws(RPCError) in
        let response = try await body(RequestStream(stream), context)
        try await stream.send(message: MessageCoding.bytes(response))
      })
  }

  /// Adds a method that streams both ways.
  package mutating func bidirectionalStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ request: Request.Type, _ response: Response.Type,
    _ body:
      @escaping @Sendable (
        RequestStream<Request>, ResponseWriter<Response>, ServerContext
      ) async throws(RPCError) -> Void
  ) {
    add(
      StreamingHandler(method, MessageJSON(request, response), interceptors) {
        stream, context throws(RPCError) in
        try await body(
          RequestStream(stream), ResponseWriter(stream, context: context), context)
      })
  }

  private mutating func add(_ handler: some MethodHandler) {
    let path = handler.descriptor.path
    precondition(handlers[path] == nil, "method \(path) is registered twice")
    handlers[path] = handler
  }
}
