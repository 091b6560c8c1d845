import EventLoops
import HTTPClient
import Testing

private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

@Suite struct WebClientTests {
  /// A client and a scripted server, both ended afterwards.
  private func withPeer(
    _ configuration: WebClient.Configuration = .defaults,
    _ body: (WebClient, RawListener) async throws -> Void
  ) async throws {
    let loop = EventLoop(name: "client")
    let client = WebClient(loop: loop, configuration: configuration)
    let peer = try RawListener()
    do {
      try await body(client, peer)
    } catch {
      Issue.record(error)
    }
    await client.close()
    await peer.closeAll()
    loop.stop()
    peer.loop.stop()
  }

  private func failure(
    _ client: WebClient, _ request: HTTPRequest
  ) async -> HTTPClientError? {
    do {
      _ = try await client.send(request)
      return nil
    } catch {
      return error
    }
  }

  @Test func sendsARequestAndReadsTheAnswer() async throws {
    try await withPeer { client, peer in
      let request = HTTPRequest(
        .post, "\(peer.url)/a/b?c=d", headers: [.init("X-One", "1"), .init("X-Empty", "")],
        body: Array("x=y".utf8))
      async let response = client.send(request)
      let connection = try await peer.accept()
      let text = try await peer.readRequest(connection)
      #expect(text.hasPrefix("POST /a/b?c=d HTTP/1.1\r\n"))
      #expect(text.contains("\r\nX-One: 1\r\n"))
      #expect(text.contains("\r\nX-Empty:\r\n"))
      #expect(text.contains("\r\nContent-Length: 3\r\n"))
      #expect(!text.contains("Content-Type"))
      #expect(!text.contains("Expect"))
      #expect(text.hasSuffix("\r\n\r\nx=y"))
      await peer.write(
        connection,
        "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n"
          + "HTTP/1.1 201 Created\r\nX-Two:  2 \r\nContent-Length: 3\r\n\r\nabc")
      let answer = try await response
      #expect(answer.status == 201)
      #expect(answer.header("x-two") == "2")
      #expect(answer.header("X-Interim") == nil)
      #expect(answer.body == Array("abc".utf8))
    }
  }

  @Test func anEmptyPostHasAnEmptyBody() async throws {
    try await withPeer { client, peer in
      async let response = client.send(HTTPRequest(.post, peer.url))
      let connection = try await peer.accept()
      let text = try await peer.readRequest(connection)
      #expect(text.contains("\r\nContent-Length: 0\r\n"))
      await peer.write(connection, ok)
      #expect(try await response.status == 200)
    }
  }

  @Test func keepsAConnectionAliveForGet() async throws {
    try await withPeer { client, peer in
      async let first = client.send(HTTPRequest(.get, peer.url))
      let connection = try await peer.accept()
      _ = try await peer.readRequest(connection)
      await peer.write(connection, ok)
      #expect(try await first.status == 200)
      async let second = client.send(HTTPRequest(.get, peer.url + "/second"))
      #expect(try await peer.readRequest(connection).hasPrefix("GET /second "))
      await peer.write(connection, ok)
      #expect(try await second.status == 200)
    }
  }

  // libcurl repeats a request on its own when a kept connection closes before the first byte of
  // the answer. A call would be placed twice.
  @Test(arguments: [false, true], [false, true])
  func aPostIsSentOnce(afterAGet: Bool, byReset: Bool) async throws {
    try await withPeer { client, peer in
      var kept: Int32 = -1
      if afterAGet {
        async let first = client.send(HTTPRequest(.get, peer.url))
        kept = try await peer.accept()
        _ = try await peer.readRequest(kept)
        await peer.write(kept, ok)
        #expect(try await first.status == 200)
      }
      let request = HTTPRequest(.post, peer.url + "/Calls.json", body: Array("To=1".utf8))
      async let error = failure(client, request)
      let connection = try await peer.accept()
      #expect(connection != kept)
      #expect(try await peer.readRequest(connection).hasPrefix("POST /Calls.json "))
      if byReset { await peer.reset(connection) } else { await peer.close(connection) }
      #expect(await error == .connectionLost(.afterSend))
      #expect(await !peer.acceptsAnother(withinMilliseconds: 300))
    }
  }

  @Test func aPostIsSentOnceAfterAPost() async throws {
    try await withPeer { client, peer in
      let request = HTTPRequest(.post, peer.url, body: Array("a=b".utf8))
      async let first = client.send(request)
      let kept = try await peer.accept()
      _ = try await peer.readRequest(kept)
      await peer.write(kept, ok)
      #expect(try await first.status == 200)
      async let error = failure(client, request)
      let connection = try await peer.accept()
      _ = try await peer.readRequest(connection)
      await peer.close(connection)
      #expect(await error == .connectionLost(.afterSend))
      #expect(await !peer.acceptsAnother(withinMilliseconds: 300))
    }
  }

  @Test func aRefusedConnectionIsBeforeSend() async throws {
    try await withPeer { client, peer in
      await peer.closeListener()
      let error = await failure(client, HTTPRequest(.post, peer.url))
      #expect(error == .unreachable)
      #expect(error?.sent == .beforeSend)
    }
  }

  @Test func anUnknownNameIsBeforeSend() async throws {
    try await withPeer { client, _ in
      let error = await failure(client, HTTPRequest(.post, "http://no-such-host.invalid/"))
      #expect(error == .unresolvable)
    }
  }

  @Test func aPeerWithoutTLSIsBeforeSend() async throws {
    try await withPeer { client, peer in
      async let error = failure(
        client, HTTPRequest(.post, "https://127.0.0.1:\(peer.port)/", body: [1]))
      let connection = try await peer.accept()
      await peer.write(connection, "HTTP/1.1 400 Bad Request\r\n\r\n")
      #expect(await error == .tlsFailed)
    }
  }

  @Test func aHandshakeThatHangsEndsBeforeSend() async throws {
    var configuration = WebClient.Configuration()
    configuration.connectTimeout = .milliseconds(200)
    try await withPeer(configuration) { client, peer in
      async let error = failure(
        client, HTTPRequest(.post, "https://127.0.0.1:\(peer.port)/", body: [1]))
      let connection = try await peer.accept()
      #expect(await error == .timedOut(.beforeSend))
      await peer.close(connection)
    }
  }

  @Test func aSlowAnswerEndsAfterSend() async throws {
    try await withPeer { client, peer in
      let request = HTTPRequest(.get, peer.url, timeout: .milliseconds(200))
      async let error = failure(client, request)
      let connection = try await peer.accept()
      _ = try await peer.readRequest(connection)
      await peer.write(connection, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
      #expect(await error == .timedOut(.afterSend))
      #expect(try await peer.isClosedByPeer(connection))
    }
  }

  @Test func aCutBodyIsALostConnection() async throws {
    try await withPeer { client, peer in
      async let error = failure(client, HTTPRequest(.get, peer.url))
      let connection = try await peer.accept()
      _ = try await peer.readRequest(connection)
      await peer.write(connection, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
      await peer.close(connection)
      #expect(await error == .connectionLost(.afterSend))
    }
  }

  @Test func whatIsNotHTTPIsMalformed() async throws {
    try await withPeer { client, peer in
      async let error = failure(client, HTTPRequest(.get, peer.url))
      let connection = try await peer.accept()
      _ = try await peer.readRequest(connection)
      await peer.write(connection, "220 mail.example.com ESMTP\r\n")
      await peer.close(connection)
      #expect(await error == .malformedResponse)
    }
  }

  @Test func aRedirectIsNotFollowed() async throws {
    try await withPeer { client, peer in
      async let response = client.send(HTTPRequest(.get, peer.url))
      let connection = try await peer.accept()
      _ = try await peer.readRequest(connection)
      await peer.write(
        connection,
        "HTTP/1.1 302 Found\r\nLocation: \(peer.url)/x\r\nContent-Length: 0\r\n\r\n")
      #expect(try await response.status == 302)
      #expect(await !peer.acceptsAnother(withinMilliseconds: 100))
    }
  }

  @Test func anAnswerOverALimitIsRefused() async throws {
    var configuration = WebClient.Configuration()
    configuration.responseBodyBytesMax = 8
    configuration.responseHeaderCountMax = 3
    configuration.responseHeaderBytesMax = 200
    let long = String(repeating: "x", count: 300)
    let answers = [
      ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789", 8),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n", 8),
      ("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", 3),
      ("HTTP/1.1 200 OK\r\nA: \(long)\r\n\r\n", 200),
    ]
    try await withPeer(configuration) { client, peer in
      for (answer, limit) in answers {
        async let error = failure(client, HTTPRequest(.get, peer.url))
        let connection = try await peer.accept()
        _ = try await peer.readRequest(connection)
        await peer.write(connection, answer)
        #expect(await error == .responseTooLarge(limit: limit))
      }
    }
  }

  @Test func cancellingAbortsTheTransfer() async throws {
    try await withPeer { client, peer in
      try await withThrowingTaskGroup(of: HTTPClientError?.self) { group in
        group.addTask { await failure(client, HTTPRequest(.post, peer.url, body: [1])) }
        let connection = try await peer.accept()
        _ = try await peer.readRequest(connection)
        group.cancelAll()
        #expect(try await group.next() == .cancelled(.afterSend))
        #expect(try await peer.isClosedByPeer(connection))
      }
    }
  }

  @Test func aCancelledTaskSendsNothing() async throws {
    try await withPeer { client, peer in
      await withTaskGroup(of: HTTPClientError?.self) { group in
        group.cancelAll()
        group.addTask { await failure(client, HTTPRequest(.post, peer.url, body: [1])) }
        #expect(await group.next() == .cancelled(.beforeSend))
      }
      #expect(await !peer.acceptsAnother(withinMilliseconds: 100))
    }
  }

  @Test func theQueueIsBounded() async throws {
    var configuration = WebClient.Configuration()
    configuration.requestsRunningMax = 1
    configuration.requestsWaitingMax = 1
    try await withPeer(configuration) { client, peer in
      let request = HTTPRequest(.get, peer.url, timeout: .seconds(20))
      async let first = client.send(request)
      let connection = try await peer.accept()
      _ = try await peer.readRequest(connection)
      // One of these waits and is over before its turn, the other finds no place.
      let hasty = HTTPRequest(.get, peer.url, timeout: .milliseconds(100))
      async let one = failure(client, hasty)
      async let other = failure(client, hasty)
      let errors = await [one, other]
      #expect(errors.contains(.queueFull(limit: 1)))
      #expect(errors.contains(.timedOut(.beforeSend)))
      await peer.write(connection, ok)
      #expect(try await first.status == 200)
    }
  }

  @Test func closingEndsWhatRunsAndWaits() async throws {
    var configuration = WebClient.Configuration()
    configuration.requestsRunningMax = 1
    try await withPeer(configuration) { client, peer in
      async let first = failure(client, HTTPRequest(.get, peer.url))
      let connection = try await peer.accept()
      _ = try await peer.readRequest(connection)
      async let second = failure(client, HTTPRequest(.get, peer.url))
      await client.close()
      #expect(await first == .closed(.afterSend))
      #expect(await second == .closed(.beforeSend))
      #expect(await failure(client, HTTPRequest(.get, peer.url)) == .closed(.beforeSend))
    }
  }

  @Test(arguments: [
    HTTPRequest(.get, "ftp://example.com/"), HTTPRequest(.get, "file:///etc/passwd"),
    HTTPRequest(.get, "http://user:pass@example.com/"), HTTPRequest(.get, "http://"),
    HTTPRequest(.get, "http://a b/"), HTTPRequest(.get, "http://a/\r\nX: y"),
    HTTPRequest(.get, "http://example.com\\@evil/"),
    HTTPRequest(.get, "http://a/", headers: [.init("A", "b\r\nC: d")]),
    HTTPRequest(.get, "http://a/", headers: [.init("A\n", "b")]),
    HTTPRequest(.get, "http://a/", headers: [.init("", "b")]),
    HTTPRequest(.get, "http://a/", headers: [.init("A", "b\0c")]),
    HTTPRequest(.get, "http://a/", body: [1]),
  ])
  func aBadRequestIsNotSent(_ request: HTTPRequest) async throws {
    try await withPeer { client, _ in
      guard case .invalidRequest = await failure(client, request) else {
        Issue.record("sent: \(request.url)")
        return
      }
    }
  }

  @Test func aRequestThatIsTooLargeIsNotSent() async throws {
    try await withPeer { client, _ in
      let long = HTTPRequest(.get, "http://a/" + String(repeating: "x", count: 8192))
      #expect(await failure(client, long) == .invalidRequest(.urlTooLong))
      let many = HTTPRequest(
        .get, "http://a/", headers: Array(repeating: .init("A", "b"), count: 65))
      #expect(await failure(client, many) == .invalidRequest(.tooManyHeaders))
    }
  }
}
