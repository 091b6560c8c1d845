package import Access
package import Registry
package import Telephony

/// Keeps a registry's directory of tokens as the other processes on the store leave it: a token
/// that is revoked there is taken out here.
///
/// It follows the route feed from where that stands, and fills nothing in before it is used: a
/// token that is not there is looked up. While the store can't be asked the directory stays as it
/// is; then the feed tells what was missed.
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
    var place: Place?
    while !Task.isCancelled {
      do throws(RegistryError) {
        try await follow(from: &place)
      } catch {
        guard (try? await time.sleep(for: Self.retryDelay)) != nil else { return }
      }
    }
  }

  /// Up to where, and in which history, the directory is as the store has it.
  private struct Place {
    let epoch: String
    var point: FeedPoint
  }

  /// Follows from `place`, and begins anew where the history does not go on from there.
  private func follow(from place: inout Place?) async throws(RegistryError) {
    var known: Place
    if let place {
      known = place
    } else {
      let start = try await feed.page(after: 0, limit: 1)
      // Whatever was put in before this place is known was perhaps revoked before it.
      directory.replaceAll([])
      known = Place(epoch: start.feed.epoch, point: start.feed.latest)
    }
    while true {
      place = known
      let page = try await feed.page(after: known.point.sequence)
      guard page.feed.continues(known.point, of: known.epoch) else {
        place = nil
        return
      }
      for change in page.changes {
        known.point = change.point
        switch change.kind {
        case .put(.token(let grant)): directory.put(grant)
        case .removed(.token(let id, _)): directory.remove(id)
        case .put, .removed: break
        }
      }
      guard page.changes.isEmpty else { continue }
      known.point = page.feed.latest
      place = known
      do {
        try await feed.waitForChange(after: known.point.sequence)
      } catch {
        return
      }
    }
  }
}
