internal import Buffers
internal import Compression
internal import EventLoops
internal import GRPC
internal import HTTP2
internal import Telemetry

/// A call over gRPC-Web or Connect. Its life is that of every call; its ``ServerCall/web`` knows
/// what its bytes look like.
extension ServerCall {
  func beginWeb(_ headers: borrowing HeaderBlock, endsStream: Bool) {
    let configuration = connection.configuration
    var metadata = MetadataBlock()
    let head = WebRequestHead(headers, metadata: &metadata)
    let rules = WebDecision.Rules(
      table: connection.owner.table, cors: CORSPolicy(origins: configuration.corsOrigins),
      coding: WebExchange.Coding(
        compressor: connection.owner.compressor, requestSizeMax: configuration.requestSizeMax,
        responseSizeMax: configuration.responseSizeMax,
        inflationRatioMax: configuration.inflationRatioMax,
        compressedSizeMin: configuration.compressedSizeMin))
    switch WebDecision(head, rules) {
    case .answer(let response):
      refuse(.response(response), WebExchange(.http, coding: rules.coding))
    case .refused(let error, let exchange):
      refuse(.error(error), exchange)
    case .accepted(let handler, let exchange, let timeout):
      web = exchange
      compression = exchange.compression
      let metadata = metadata.metadata()
      begin(handler, metadata: metadata, parent: RequestTrace(metadata), timeout: timeout)
    }
    if endsStream { receivedEnd() }
  }

  /// The answer is known, and waits for the end of the request: curl 7.88 takes the RESET that
  /// follows an early answer (RFC 9113, section 8.1) for a failure.
  func refuse(_ refusal: WebExchange.Refusal, _ exchange: WebExchange) {
    exchange.refusal = refusal
    web = exchange
    phase = .collecting
  }

  func answer(_ refusal: WebExchange.Refusal) {
    switch refusal {
    case .response(let response): answerHTTP(response)
    case .error(let error): fail(error)
    }
  }

  /// The payload of a unary call, or of one that is refused.
  func collect(_ data: RawSpan, _ web: WebExchange, endsStream: Bool) {
    connection.session.consume(data.byteCount, on: stream)
    if let refusal = web.refusal {
      if endsStream || web.mustAnswer(afterDropping: data.byteCount) { answer(refusal) }
      return
    }
    guard keepMore(data.byteCount) else { return }
    do throws(RPCError) {
      try web.collect(data)
    } catch {
      web.refusal = .error(error)
      web.forgetRequest()
      releaseKept()
    }
    if endsStream { finishCollecting(web) }
  }

  func finishCollecting(_ web: WebExchange) {
    if let refusal = web.refusal { return answer(refusal) }
    do throws(RPCError) {
      let message = try web.onlyRequest()
      charge(message.count)
      guard phase == .collecting else { return }
      record?.received.note(message.count, at: loop.tickNanoseconds)
      startConverted(message, isCompressed: web.isCompressed)
    } catch {
      fail(error)
    }
  }

  /// The response of a unary call.
  func succeed(_ serialize: (inout ByteWriter) -> Void, _ web: WebExchange) {
    var writer = ByteWriter()
    serialize(&writer)
    do throws(RPCError) {
      try write(writer.array(), compress: nil, web)
      answer(nil)
    } catch {
      answer(error)
    }
  }

  /// The headers of an answer that streams, unless they are out.
  func sendHead(_ metadata: Metadata, _ web: WebExchange) {
    guard !hasSentMetadata, let head = web.head(metadata, encoding: announcedFormat) else { return }
    hasSentMetadata = true
    record?.answeredAt = MonotonicTime.nanoseconds()
    connection.session.submitResponse(stream, preset: nil, head.headers)
  }

  /// Writes a response message; throws why it can't go.
  func write(_ message: [UInt8], compress: Bool?, _ web: WebExchange) throws(RPCError) {
    let format = announcedFormat.flatMap {
      responseFormat($0, compress ?? context?.compressesResponses)
    }
    let outgoing = try web.outgoing(message, format)
    sendHead(context?.initialMetadata ?? [:], web)
    record?.sent.note(outgoing.size, at: loop.tickNanoseconds)
    guard !outgoing.bytes.isEmpty else { return }
    connection.session.write(to: stream) { $0.append(outgoing.bytes) }
    if outgoing.size >= ServerConnection.notedOutputMin { connection.noteOutput() }
  }

  /// The status of a call, whatever was sent before.
  func sendStatus(_ error: RPCError?, _ web: WebExchange) {
    let metadata = context?.trailingMetadata ?? [:]
    sendHead(context?.initialMetadata ?? [:], web)
    guard hasSentMetadata else { return send(web.unaryResponse(error, metadata)) }
    let bytes = web.endOfStream(error, metadata)
    connection.session.write(to: stream) { $0.append(bytes) }
    connection.session.end(stream)
  }

  private func answerHTTP(_ response: WebResponse) {
    phase = .answered
    noteHTTPAnswer(status: response.status)
    send(response)
    connection.scheduleWrite()
  }

  private func send(_ response: WebResponse) {
    let session = connection.session
    guard !response.body.isEmpty else {
      return session.submitHeadersOnlyResponse(stream, preset: nil, response.headers)
    }
    session.submitResponse(stream, preset: nil, response.headers)
    session.write(to: stream) { $0.append(response.body) }
    session.end(stream)
  }
}

extension WebResponse {
  fileprivate var headers: HeaderList {
    var list = HeaderList()
    list.append(":status", status)
    for field in fields { list.append(field.name, field.value) }
    return list
  }
}
