internal import Buffers
internal import Compression
internal import GRPC

/// What becomes of a request that is not plain gRPC. A pure function of its headers.
enum WebDecision {
  /// An answer of HTTP, which has no status of the protocol.
  case answer(WebResponse)
  /// A status in the protocol's own form.
  case refused(RPCError, WebExchange)
  case accepted(any MethodHandler, WebExchange, timeout: Duration?)

  /// What the server allows.
  struct Rules {
    let table: PathTable
    let cors: CORSPolicy
    /// The limits; what a call's headers say is added.
    let coding: WebExchange.Coding
  }

  init(_ head: WebRequestHead, _ rules: Rules) {
    if head.method == "OPTIONS", let answer = rules.cors.preflight(head) {
      self = .answer(answer)
      return
    }
    let found = Self.decide(head, rules)
    guard case .answer(var answer) = found else {
      self = found
      return
    }
    answer.fields += rules.cors.fields(origin: head.origin)
    self = .answer(answer)
  }

  private static func decide(_ head: WebRequestHead, _ rules: Rules) -> WebDecision {
    if head.isTruncated { return .http("431") }
    let method = head.path.withBytes { rules.table.method(for: $0) }
    if head.method == "GET", let method, method.isSideEffectFree {
      return get(head, method.handler, rules)
    }
    guard head.method == "POST" else {
      let allowed = method?.isSideEffectFree == true ? "POST, GET" : "POST"
      return .http("405", WebField("allow", allowed))
    }
    let kind = method?.handler.descriptor.kind
    guard let format = WebFormat(contentType: head.contentType ?? "") else {
      return .http("415", WebField("accept-post", WebFormat.acceptedTypes(for: kind)))
    }
    guard let method else { return unknownMethod(head, format, rules) }
    guard format.serves(method.handler.descriptor.kind),
      format.codec == .proto || method.handler.json != nil
    else { return .http("415", WebField("accept-post", WebFormat.acceptedTypes(for: kind))) }
    return call(
      head, format, method.handler, rules, encoding: head.encodings.value(for: format.framing),
      version: head.protocolVersion)
  }

  private static func http(_ status: String, _ fields: WebField...) -> WebDecision {
    .answer(WebResponse(status: status, fields: fields))
  }

  /// Connect has HTTP's own answer; its clients take 404 for UNIMPLEMENTED.
  private static func unknownMethod(
    _ head: WebRequestHead, _ format: WebFormat, _ rules: Rules
  ) -> WebDecision {
    let error = RPCError.noMethod(path: String(decoding: head.path, as: UTF8.self))
    guard format.isConnect else {
      return .refused(
        error, exchange(head, format, nil, rules, encoding: nil, version: nil))
    }
    return .answer(
      WebResponse(
        status: "404", fields: [WebField("content-type", "application/json")],
        body: ConnectJSON.body(of: error)))
  }

  private static func call(
    _ head: WebRequestHead, _ format: WebFormat, _ handler: any MethodHandler,
    _ rules: Rules, encoding: String?, version: String?
  ) -> WebDecision {
    let exchange = exchange(head, format, handler, rules, encoding: encoding, version: version)
    do throws(RPCError) {
      if let name = head.malformedName {
        throw RPCError.notBase64(metadata: name)
      }
      if format.isConnect, let version = head.protocolVersion, version != "1" {
        throw RPCError(
          .invalidArgument, "connect-protocol-version is \"\(version.prefix(32))\"; it must be 1.")
      }
      if let encoding, encoding != "identity", CompressionFormat(rawValue: encoding) == nil {
        throw RPCError(
          .unimplemented,
          "The server has no encoding \"\(encoding.prefix(32))\"; it has "
            + "\(CallCompression.acceptedEncodings).")
      }
      return .accepted(handler, exchange, timeout: try head.timeout(for: format))
    } catch {
      return .refused(error, exchange)
    }
  }

  /// A call by GET: the query is the request, and the body has to be empty.
  private static func get(
    _ head: WebRequestHead, _ handler: any MethodHandler, _ rules: Rules
  ) -> WebDecision {
    let errors = exchange(head, .http, handler, rules, encoding: nil, version: nil)
    do throws(RPCError) {
      let query = try ConnectQuery(head.query ?? "")
      guard let format = WebFormat(contentType: "application/\(query.encoding ?? "")"),
        format.framing == .connectUnary, format.codec == .proto || handler.json != nil
      else { return .http("415") }
      if let version = query.version, version != "v1" {
        throw RPCError(
          .invalidArgument, "The query's connect is \"\(version.prefix(32))\"; it must be v1.")
      }
      guard let message = query.message else {
        throw RPCError(.invalidArgument, "The query has no message.")
      }
      let decision = call(
        head, format, handler, rules, encoding: query.compression, version: query.version)
      if case .accepted(_, let exchange, _) = decision {
        message.withBytes { exchange.take(wholeRequest: $0) }
      }
      return decision
    } catch {
      return .refused(error, errors)
    }
  }

  private static func exchange(
    _ head: WebRequestHead, _ format: WebFormat, _ handler: (any MethodHandler)?,
    _ rules: Rules, encoding: String?, version: String?
  ) -> WebExchange {
    var coding = rules.coding
    coding.json = handler?.json
    // Generated clients say which version they speak, and may know fields that are not known here;
    // a person who mistypes one is better told.
    coding.ignoresUnknown = version != nil
    coding.compression = head.compression(for: format, encoding: encoding)
    return WebExchange(
      format, accept: head.accept, coding: coding,
      corsFields: rules.cors.fields(origin: head.origin))
  }
}
