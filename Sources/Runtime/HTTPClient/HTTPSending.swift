/// What sends a request once: the client, and a script in tests.
package protocol HTTPSending: Sendable {
  /// The answer, of whatever status. Callable from any executor; the error says whether anything
  /// was sent.
  func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse
}

extension WebClient: HTTPSending {}
