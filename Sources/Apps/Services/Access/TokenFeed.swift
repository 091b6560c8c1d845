package import Access
package import Registry
package import Telephony

/// Keeps a registry's directory of tokens as the other processes on the store leave it: a token
/// that is revoked there is taken out here.
///
/// It follows the route feed from where that stands, and fills nothing in before it is used: a
/// token that is not there is looked up.
package struct TokenFeed: Sendable {
  private let feed: RouteFeed
  private let directory: TokenDirectory
  private let time: any TimeSource

  /// The wait after the store could not be asked.
  private static let retryDelay: Duration = .milliseconds(500)

  package init(_ feed: RouteFeed, _ directory: TokenDirectory, time: any TimeSource) {
    self.feed = feed
    self.directory = directory
    self.time = time
  }

  /// Follows until its task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      do throws(RegistryError) {
        try await follow()
      } catch {
        // What is in memory may be out of date by the time the store can be asked again.
        guard (try? await time.sleep(for: Self.retryDelay)) != nil else { return }
      }
    }
  }

  private func follow() async throws(RegistryError) {
    let start = try await feed.page(after: 0, limit: 1)
    // Whatever was put in before this place is known was perhaps revoked before it.
    directory.replaceAll([])
    var sequence = start.latest
    while true {
      let page = try await feed.page(after: sequence)
      guard page.epoch == start.epoch, page.prunedThrough <= sequence else { return }
      for change in page.changes {
        sequence = change.sequence
        switch change.kind {
        case .put(.token(let grant)): directory.put(grant)
        case .removed(.token(let id, _)): directory.remove(id)
        case .put, .removed: break
        }
      }
      guard page.changes.isEmpty else { continue }
      do {
        try await feed.waitForChange(after: sequence)
      } catch {
        return
      }
    }
  }
}
