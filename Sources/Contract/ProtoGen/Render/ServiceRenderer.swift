/// Writes the Swift of one service: the protocol that a server implements, the methods, the client.
struct ServiceRenderer {
  let service: ServiceModel
  let namespace: String
  /// The constant that holds the descriptor of the service's file.
  let schema: String

  private var methodsName: String { "\(service.swiftName)Methods" }

  func render(_ code: inout CodeWriter) {
    code.line()
    code.block("extension \(namespace)") { code in
      serverProtocol(&code)
      code.line()
      methods(&code)
      code.line()
      client(&code)
    }
    code.line()
    registration(&code)
  }

  private func serverProtocol(_ code: inout CodeWriter) {
    code.comment(service.comment)
    code.block("package protocol \(service.swiftName)Protocol: Service") { code in
      for (index, method) in service.methods.enumerated() {
        if index > 0 { code.line() }
        code.comment(method.comment)
        code.line("func \(method.swiftName)(")
        code.indented { code in
          switch (method.streamsRequests, method.streamsResponses) {
          case (false, false):
            code.line("_ request: \(method.input.swiftName), context: ServerContext")
          case (false, true):
            code.line("_ request: \(method.input.swiftName),")
            code.line("responses: ResponseWriter<\(method.output.swiftName)>,")
            code.line("context: ServerContext")
          case (true, false):
            code.line("_ requests: RequestStream<\(method.input.swiftName)>,")
            code.line("context: ServerContext")
          case (true, true):
            code.line("_ requests: RequestStream<\(method.input.swiftName)>,")
            code.line("responses: ResponseWriter<\(method.output.swiftName)>,")
            code.line("context: ServerContext")
          }
        }
        let result = method.streamsResponses ? "" : " -> \(method.output.swiftName)"
        code.line(") async throws(RPCError)\(result)")
      }
    }
  }

  private func kind(_ method: MethodModel) -> String {
    switch (method.streamsRequests, method.streamsResponses) {
    case (false, false): "unary"
    case (false, true): "serverStreaming"
    case (true, false): "clientStreaming"
    case (true, true): "bidirectionalStreaming"
    }
  }

  private func methods(_ code: inout CodeWriter) {
    code.line("/// The methods of `\(service.fullName)`.")
    code.block("package enum \(methodsName)") { code in
      for method in service.methods {
        code.line("package static let \(method.swiftName) = MethodDescriptor(")
        code.indented {
          $0.line(
            "service: \"\(service.fullName)\", method: \"\(method.protoName)\", "
              + "kind: .\(kind(method)))")
        }
      }
      code.line()
      code.line("/// All of them, in the contract's order.")
      code.line("package static let all: [MethodDescriptor] = [")
      code.indented { code in
        for method in service.methods { code.line("\(method.swiftName),") }
      }
      code.line("]")
    }
  }

  private func registration(_ code: inout CodeWriter) {
    code.block("extension \(namespace).\(service.swiftName)Protocol") { code in
      code.line("package static var name: String { \"\(service.fullName)\" }")
      code.line()
      code.block("package static var fileDescriptorSet: [UInt8]") {
        $0.line("\(schema).serializedSet")
      }
      code.line()
      requiredScopes(&code)
      code.block("package func register(in router: inout Router)") { code in
        for method in service.methods { register(method, &code) }
      }
    }
  }

  /// What the methods' options say; nothing where no method has one.
  private func requiredScopes(_ code: inout CodeWriter) {
    let methods = service.methods.compactMap { method in
      method.requiredScope.map { (method.protoName, $0) }
    }
    guard !methods.isEmpty else { return }
    code.block("package static var requiredScopes: [String: String]") { code in
      code.line("[")
      code.indented { code in
        for (name, scope) in methods { code.line("\"\(name)\": \"\(scope)\",") }
      }
      code.line("]")
    }
    code.line()
  }

  private func register(_ method: MethodModel, _ code: inout CodeWriter) {
    let kind = kind(method)
    let arguments =
      switch (method.streamsRequests, method.streamsResponses) {
      case (false, false): ("request, context", "request, context: context")
      case (false, true):
        ("request, responses, context", "request, responses: responses, context: context")
      case (true, false): ("requests, context", "requests, context: context")
      case (true, true):
        ("requests, responses, context", "requests, responses: responses, context: context")
      }
    code.line("router.\(kind)(")
    code.indented { code in
      code.line(
        "\(namespace).\(methodsName).\(method.swiftName), \(method.input.swiftName).self,")
      code.line("\(method.output.swiftName).self")
    }
    let isUnary = !method.streamsRequests && !method.streamsResponses
    let tail = isUnary ? "} start: { bytes, call in" : "}"
    code.block(") { (\(arguments.0)) async throws(RPCError) in", open: "", tail: tail) {
      $0.line("try await self.\(method.swiftName)(\(arguments.1))")
    }
    if isUnary { fastPath(method, &code) }
  }

  /// The body of a unary method's `start`: what `Router.unary` does for any type, for these two.
  private func fastPath(_ method: MethodModel, _ code: inout CodeWriter) {
    code.indented { code in
      code.line("let request: \(method.input.swiftName)")
      code.block("do throws(DecodingError)", open: " {", tail: "} catch {") {
        $0.line("request = try \(method.input.swiftName)(serialized: bytes, limits: .defaults)")
      }
      code.indented { $0.line("return call.refuse(error, as: \(method.input.swiftName).fullName)") }
      code.line("}")
      code.block("return call.start") { code in
        code.block("do throws(RPCError)", open: " {", tail: "} catch {") { code in
          code.line("var response: \(method.output.swiftName)?")
          code.block("if call.isPlain", open: " {", tail: "} else {") {
            $0.line(
              "response = try await self.\(method.swiftName)(request, context: call.context)")
          }
          code.indented { code in
            code.block("try await call.run", open: " { () async throws(RPCError) in", tail: "}") {
              $0.line(
                "response = try await self.\(method.swiftName)(request, context: call.context)")
            }
          }
          code.line("}")
          code.line("guard let response else { throw .unexpected }")
          code.line("call.reply.succeed { response.serialize(into: &$0) }")
        }
        code.indented { $0.line("call.reply.fail(error)") }
        code.line("}")
      }
    }
    code.line("}")
  }

  private func client(_ code: inout CodeWriter) {
    code.line("/// Calls `\(service.fullName)` over any channel.")
    code.block("package struct \(service.swiftName)Client: Sendable") { code in
      code.line("package let channel: any GRPC.Channel")
      code.line()
      code.block("package init(channel: any GRPC.Channel)") { $0.line("self.channel = channel") }
      for method in service.methods {
        code.line()
        code.comment(method.comment)
        call(method, &code)
      }
    }
  }

  private func call(_ method: MethodModel, _ code: inout CodeWriter) {
    let input = method.input.swiftName
    let output = method.output.swiftName
    let constant = "\(methodsName).\(method.swiftName)"
    var parameters: [String] = []
    var arguments = constant
    if !method.streamsRequests {
      parameters.append("_ request: \(input)")
      arguments += ", request"
    }
    parameters.append("options: CallOptions = .defaults")
    arguments += ", options: options"
    var generics = ""
    var result = output
    switch (method.streamsRequests, method.streamsResponses) {
    case (false, false): break
    case (false, true):
      generics = "<Result>"
      result = "Result"
      parameters.append("_ body: (ResponseStream<\(output)>) async throws(RPCError) -> Result")
      arguments += ", body"
    case (true, false):
      parameters.append("_ body: (RequestWriter<\(input)>) async throws(RPCError) -> Void")
      arguments += ", body"
    case (true, true):
      generics = "<Result>"
      result = "Result"
      parameters.append(
        "_ body: (RequestWriter<\(input)>, ResponseStream<\(output)>) async throws(RPCError) "
          + "-> Result")
      arguments += ", body"
    }
    code.line("package func \(method.swiftName)\(generics)(")
    code.indented { code in
      for (index, parameter) in parameters.enumerated() {
        code.line(parameter + (index + 1 < parameters.count ? "," : ""))
      }
    }
    code.block(") async throws(RPCError) -> \(result)") {
      $0.line("try await channel.\(kind(method))(\(arguments))")
    }
  }
}
