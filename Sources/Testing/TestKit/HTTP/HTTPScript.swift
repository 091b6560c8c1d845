package import HTTPClient
internal import Synchronization

/// A sender that gives prepared answers in order and keeps what was sent. Without an answer that is
/// left, nobody can be reached.
package final class HTTPScript: HTTPSending {
  private struct State {
    var answers: [Result<HTTPResponse, HTTPClientError>]
    var sent: [HTTPRequest] = []
  }
  private let state: Mutex<State>

  package init(_ answers: Result<HTTPResponse, HTTPClientError>...) {
    state = Mutex(State(answers: answers))
  }

  /// In the order of sending.
  package var sent: [HTTPRequest] { state.withLock { $0.sent } }

  package func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
    let answer = state.withLock { state in
      state.sent.append(request)
      return state.answers.isEmpty ? .failure(.unreachable) : state.answers.removeFirst()
    }
    return try answer.get()
  }
}

extension Result<HTTPResponse, HTTPClientError> {
  /// An answer of text, JSON mostly.
  package static func json(
    _ status: Int, _ text: String, _ headers: [HTTPRequest.Header] = []
  ) -> Self {
    .success(HTTPResponse(status: status, headers: headers, body: Array(text.utf8)))
  }
}
