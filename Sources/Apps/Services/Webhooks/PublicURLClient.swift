internal import Buffers
internal import CallDispatch
internal import Crypto
package import HTTPClient
package import Keyring
package import Registry
package import Telephony

/// Asks our own webhook listener through the public URL of a region, over HTTP.
///
/// It asks what `--public-url` names and nothing else; redirects are not followed.
package struct PublicURLClient: PublicURLProbe {
  /// What an answer may take, name, connection and TLS included.
  static let timeout: Duration = .seconds(5)

  private let urls: [Region: String]
  private let reachability: KeyringReachability
  private let client: WebClient

  package init(publicURLs: [Region: String], reachability: KeyringReachability, client: WebClient) {
    urls = publicURLs
    self.reachability = reachability
    self.client = client
  }

  package func url(of region: Region) -> String? { urls[region] }

  package func ask(_ region: Region) async -> PublicURLAnswer {
    guard let url = urls[region] else { preconditionFailure("\(region) has no public URL") }
    guard let bytes = try? RandomBytes.make(16),
      let challenge = ReachabilityChallenge(region: region, nonce: Hex.encode(bytes))
    else { return .notAsked("There are no random numbers.") }
    do throws(HTTPClientError) {
      let response = try await client.send(
        HTTPRequest(.get, url + challenge.path, timeout: Self.timeout))
      return judge(response, challenge, url)
    } catch {
      return PublicURLAnswer(error)
    }
  }

  private func judge(
    _ response: HTTPResponse, _ challenge: ReachabilityChallenge, _ url: String
  ) -> PublicURLAnswer {
    guard response.status == 200, let answer = ReachabilityAnswer(body: response.body) else {
      return .otherServer(status: response.status)
    }
    let (isOurs, hasSameURL) = reachability.judge(answer, to: challenge, publicURL: url)
    guard isOurs else { return .otherKeyring }
    return hasSameURL ? .ours : .oursUnderOtherURL
  }
}

extension PublicURLAnswer {
  fileprivate init(_ error: HTTPClientError) {
    switch error {
    case .unresolvable: self = .unresolvable
    case .unreachable, .connectionLost: self = .unreachable
    case .timedOut: self = .timedOut
    case .tlsFailed: self = .tlsFailed
    case .malformedResponse, .responseTooLarge: self = .otherServer(status: nil)
    case .invalidRequest, .queueFull, .closed, .cancelled, .failed:
      self = .notAsked(error.description)
    }
  }
}
