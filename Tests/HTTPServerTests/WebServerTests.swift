import EventLoops
import HTTPClient
import HTTPServer
import Synchronization
import Testing

extension WebServer.Configuration {
  /// Bounds that a test on a busy machine does not meet by accident.
  fileprivate static var patient: Self {
    var configuration = Self()
    configuration.headTimeout = .seconds(60)
    configuration.requestTimeout = .seconds(60)
    return configuration
  }
}

@Suite struct WebServerTests {
  /// A server and a client on loops of their own, both ended afterwards.
  private func withServer(
    _ configuration: WebServer.Configuration = .patient, handler: @escaping WebServer.Handler,
    _ body: (WebServer, WebClient, String) async throws -> Void
  ) async throws {
    let loop = EventLoop(name: "server")
    let clientLoop = EventLoop(name: "client")
    let server = try WebServer(
      loop: loop, host: "127.0.0.1", port: 0, configuration: configuration, handler: handler)
    let client = WebClient(loop: clientLoop)
    do {
      try await body(server, client, "http://127.0.0.1:\(server.port)")
    } catch {
      Issue.record(error)
    }
    await client.close()
    await server.stop(gracePeriod: .milliseconds(100))
    clientLoop.stop()
    loop.stop()
  }

  private func failure(_ client: WebClient, _ request: HTTPRequest) async -> HTTPClientError? {
    do {
      _ = try await client.send(request)
      return nil
    } catch {
      return error
    }
  }

  private func withPeer(
    _ server: WebServer, _ body: (RawPeer) async throws -> Void
  ) async rethrows {
    let peer = RawPeer(port: server.port)
    try await body(peer)
    await peer.close()
    peer.loop.stop()
  }

  private static let echo: WebServer.Handler = { request in
    HTTPServerResponse(
      status: 200,
      headers: [
        .init("X-Method", request.method), .init("X-Path", String(request.path)),
        .init("X-Query", request.query.map(String.init) ?? "none"),
        .init("X-Peer", request.peerAddress),
        .init("X-Echo", request.header("x-in") ?? "none"),
      ],
      body: request.body)
  }

  @Test func handsTheRequestOverAsItCame() async throws {
    try await withServer(handler: Self.echo) { _, client, url async throws in
      let body = [UInt8](repeating: 7, count: 300_000)
      let request = HTTPRequest(
        .post, url + "/a%2Fb/?c=%20&c=+", headers: [.init("X-In", "é")], body: body)
      let response = try await client.send(request)
      #expect(response.status == 200)
      #expect(response.header("X-Method") == "POST")
      #expect(response.header("X-Path") == "/a%2Fb/")
      #expect(response.header("X-Query") == "c=%20&c=+")
      #expect(response.header("X-Peer") == "127.0.0.1")
      #expect(response.header("X-Echo") == "é")
      #expect(response.body == body)
      #expect(try await client.send(HTTPRequest(.get, url)).header("X-Query") == "none")
    }
  }

  @Test func waitsForAHandlerAndServesOthersMeanwhile() async throws {
    let (gate, opening) = AsyncStream<Void>.makeStream()
    let handler: WebServer.Handler = { request in
      if request.path == "/slow" { for await _ in gate {} }
      return HTTPServerResponse(status: 204)
    }
    try await withServer(handler: handler) { _, client, url async throws in
      async let slow = client.send(HTTPRequest(.get, url + "/slow"))
      #expect(try await client.send(HTTPRequest(.get, url + "/fast")).status == 204)
      opening.finish()
      #expect(try await slow.status == 204)
    }
  }

  @Test func servesManyAtATime() async throws {
    try await withServer(handler: Self.echo) { _, client, url async throws in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<500 {
          group.addTask {
            let body = Array("body \(number)".utf8)
            let response = try await client.send(HTTPRequest(.post, url, body: body))
            return response.status == 200 && response.body == body
          }
        }
        for try await isRight in group { #expect(isRight) }
      }
    }
  }

  @Test func dropsTheConnectionOnDemand() async throws {
    let handler: WebServer.Handler = { _ in .dropConnection }
    try await withServer(handler: handler) { _, client, url async throws in
      let error = await failure(client, HTTPRequest(.post, url, body: [1]))
      #expect(error == .connectionLost(.afterSend))
    }
  }

  @Test func refusesABodyThatIsTooLong() async throws {
    var configuration = WebServer.Configuration()
    configuration.bodyBytesMax = 8
    let calls = Atomic(0)
    let handler: WebServer.Handler = { _ in
      calls.add(1, ordering: .relaxed)
      return HTTPServerResponse(status: 200)
    }
    try await withServer(configuration, handler: handler) { server, client, url async throws in
      let long = HTTPRequest(.post, url, body: [UInt8](repeating: 0, count: 9))
      #expect(try await client.send(long).status == 413)
      let fits = HTTPRequest(.post, url, body: [UInt8](repeating: 0, count: 8))
      #expect(try await client.send(fits).status == 200)
      await withPeer(server) { peer in
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        await peer.write(head + "9\r\n123456789\r\n0\r\n\r\n")
        #expect(await peer.read() == "<closed>")
      }
    }
    let count = calls.load(ordering: .relaxed)
    #expect(count == 1)
  }

  @Test func refusesAHeaderThatIsTooLong() async throws {
    var configuration = WebServer.Configuration()
    configuration.headerCountMax = 20
    try await withServer(configuration, handler: Self.echo) { server, client, url async throws in
      let many = (0..<20).map { HTTPRequest.Header("X-\($0)", "1") }
      #expect(try await client.send(HTTPRequest(.get, url, headers: many)).status == 431)
      await withPeer(server) { peer in
        await peer.write("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 40_000))
        let answer = await peer.read()
        #expect(answer.hasPrefix("HTTP/1.1 431 ") || answer.hasPrefix("HTTP/1.1 413 "))
        #expect(answer.hasSuffix("<closed>"))
      }
    }
  }

  @Test(arguments: [
    "Content-Length: 3\r\nTransfer-Encoding: chunked", "Content-Length: 3\r\nContent-Length: 4",
    "Transfer-Encoding: gzip", "Content-Length: -1", "Content-Length: +3", "Content-Length: 3,3",
  ])
  func refusesABodyWhoseEndIsDoubtful(_ fields: String) async throws {
    let calls = Atomic(0)
    let handler: WebServer.Handler = { _ in
      calls.add(1, ordering: .relaxed)
      return HTTPServerResponse(status: 200)
    }
    try await withServer(handler: handler) { server, _, _ async throws in
      await withPeer(server) { peer in
        await peer.write("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\nabc")
        let answer = await peer.read()
        #expect(!answer.hasPrefix("HTTP/1.1 2"))
        #expect(answer.hasSuffix("<closed>"))
      }
    }
    let count = calls.load(ordering: .relaxed)
    #expect(count == 0)
  }

  @Test func aConnectionTooManyWaitsForItsTurn() async throws {
    var configuration = WebServer.Configuration.patient
    configuration.connectionsMax = 2
    try await withServer(configuration, handler: Self.echo) { server, _, _ async throws in
      let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      let first = RawPeer(port: server.port)
      let second = RawPeer(port: server.port)
      for peer in [first, second] {
        await peer.write(request)
        #expect(await peer.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
      }
      await withPeer(server) { third in
        await third.write(request)
        #expect(await third.isSilent(forMilliseconds: 300))
        await first.close()
        #expect(await third.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
      }
      await second.close()
      first.loop.stop()
      second.loop.stop()
    }
  }

  @Test(arguments: [true, false])
  func whoWaitedAtTheLimitIsServedWhenAllOthersAreGone(_ areCut: Bool) async throws {
    var configuration = WebServer.Configuration.patient
    configuration.connectionsMax = 3
    if areCut { configuration.headTimeout = .milliseconds(200) }
    try await withServer(configuration, handler: Self.echo) { server, _, _ async throws in
      let idle = (0..<3).map { _ in RawPeer(port: server.port) }
      // The kernel hands connections over in the order of their making.
      await withPeer(server) { last in
        await last.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for peer in idle {
          if areCut { #expect(await peer.read() == "<closed>") }
          await peer.close()
          peer.loop.stop()
        }
        #expect(await last.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
      }
    }
  }

  @Test func cutsAPeerThatIsTooSlow() async throws {
    var configuration = WebServer.Configuration()
    configuration.headTimeout = .milliseconds(200)
    configuration.requestTimeout = .milliseconds(400)
    try await withServer(configuration, handler: Self.echo) { server, _, _ async throws in
      for start in ["", "GET / HT", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nHost: a\r\n"] {
        await withPeer(server) { peer in
          await peer.write(start)
          #expect(await peer.read() == "<closed>")
        }
      }
      await withPeer(server) { peer in
        await peer.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        #expect(await peer.read() == "<closed>")
      }
    }
  }

  @Test func theHeadHasLessTimeThanTheBody() async throws {
    var configuration = WebServer.Configuration()
    #expect(configuration.headTimeout == .seconds(5))
    configuration.headTimeout = .milliseconds(200)
    try await withServer(configuration, handler: Self.echo) { server, _, _ async throws in
      await withPeer(server) { peer in
        await peer.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        #expect(await peer.isSilent(forMilliseconds: 600))
        await peer.write("cde")
        #expect(await peer.read(until: "abcde").hasPrefix("HTTP/1.1 200 OK\r\n"))
        // Kept alive, but not for long.
        #expect(await peer.read() == "<closed>")
      }
    }
  }

  @Test func keepsAConnectionAlive() async throws {
    try await withServer(handler: Self.echo) { server, _, _ async throws in
      await withPeer(server) { peer in
        for body in ["one", "two"] {
          await peer.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\(body)")
          #expect(await peer.read(until: "\r\n\r\n\(body)").hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
      }
    }
  }

  @Test func answersInPlaceOfAHandlerThatIsTooSlow() async throws {
    var configuration = WebServer.Configuration()
    configuration.handlerTimeout = .milliseconds(200)
    let loop = EventLoop(name: "sleeper")
    let (cancelled, cancelling) = AsyncStream<Void>.makeStream()
    let handler: WebServer.Handler = { _ in
      do {
        try await loop.sleep(for: .seconds(60))
      } catch {
        cancelling.yield()
      }
      return HTTPServerResponse(status: 200)
    }
    try await withServer(configuration, handler: handler) { _, client, url async throws in
      #expect(try await client.send(HTTPRequest(.get, url)).status == 503)
      var iterator = cancelled.makeAsyncIterator()
      #expect(await iterator.next() != nil)
    }
    loop.stop()
  }

  @Test func aPeerThatLeavesHarmsNobody() async throws {
    let loop = EventLoop(name: "sleeper")
    let handler: WebServer.Handler = { request in
      if request.path == "/slow" { try? await loop.sleep(for: .milliseconds(100)) }
      return HTTPServerResponse(status: 200, body: [UInt8](repeating: 1, count: 1_000_000))
    }
    try await withServer(handler: handler) { server, client, url async throws in
      for path in ["/slow", "/fast"] {
        await withPeer(server) { peer in
          await peer.write("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
        }
      }
      #expect(try await client.send(HTTPRequest(.get, url + "/slow")).status == 200)
    }
    loop.stop()
  }

  @Test func stoppingWaitsForHandlers() async throws {
    let loop = EventLoop(name: "sleeper")
    let (began, beginning) = AsyncStream<Void>.makeStream()
    let handler: WebServer.Handler = { _ in
      beginning.yield()
      try? await loop.sleep(for: .milliseconds(200))
      return HTTPServerResponse(status: 200)
    }
    try await withServer(handler: handler) { server, client, url async throws in
      async let response = client.send(HTTPRequest(.get, url))
      var iterator = began.makeAsyncIterator()
      _ = await iterator.next()
      #expect(await server.stop(gracePeriod: .seconds(10)) == 0)
      #expect(try await response.status == 200)
      #expect(await failure(client, HTTPRequest(.get, url)) == .unreachable)
    }
    loop.stop()
  }

  @Test func stoppingWaitsNoLongerThanTheGracePeriod() async throws {
    let loop = EventLoop(name: "sleeper")
    let (began, beginning) = AsyncStream<Void>.makeStream()
    let handler: WebServer.Handler = { _ in
      beginning.yield()
      try? await loop.sleep(for: .seconds(60))
      return HTTPServerResponse(status: 200)
    }
    try await withServer(handler: handler) { server, client, url async throws in
      async let error = failure(client, HTTPRequest(.get, url))
      var iterator = began.makeAsyncIterator()
      _ = await iterator.next()
      #expect(await server.stop(gracePeriod: .milliseconds(50)) == 1)
      #expect(await error == .connectionLost(.afterSend))
    }
    loop.stop()
  }

  @Test func aTakenPortIsAnError() async throws {
    let loop = EventLoop(name: "second")
    try await withServer(handler: Self.echo) { server, _, _ async throws in
      #expect(throws: HTTPServerError.self) {
        _ = try WebServer(loop: loop, host: "127.0.0.1", port: server.port, handler: Self.echo)
      }
      #expect(throws: HTTPServerError.addressNotUnderstood("example.com")) {
        _ = try WebServer(loop: loop, host: "example.com", port: 0, handler: Self.echo)
      }
    }
    loop.stop()
  }
}
