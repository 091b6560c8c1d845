package import Telephony

/// One page of calls.
package struct CallPage: Sendable, Hashable {
  /// Newest first.
  package let calls: [Call]
  /// Nil on the last page.
  package let nextPageToken: String?
}

// Reading and watching calls.
extension CallDispatcher {
  package func call(_ id: CallID, tenant: TenantID) async throws(DispatchError) -> Call {
    try await ownCall(id, tenant: tenant)
  }

  /// A page of the filter's calls, newest first. A size of 0 means the default, a larger one than
  /// `Limits.pageSizeMax` means that; an empty token the first page.
  package func calls(
    _ filter: CallFilter, pageSize: Int, pageToken: String
  ) async throws(DispatchError) -> CallPage {
    guard pageSize >= 0 else {
      throw .invalid([.init("page_size", "It is \(pageSize); the least is 0.")])
    }
    let fingerprint = CallToken.fingerprint(of: filter)
    var before: CallID?
    if !pageToken.isEmpty {
      before = CallToken.call(ofPage: pageToken, fingerprint: fingerprint)
      guard before != nil else {
        throw .invalid([.init("page_token", "It is not a token of a list with these filters.")])
      }
    }
    let size = pageSize == 0 ? Limits.pageSizeDefault : min(pageSize, Limits.pageSizeMax)
    let query = CallQuery(filter: filter, before: before, limit: size + 1)
    let found = try await mapped(nil) { () async throws(CallStoreError) in
      try await ports.store.calls(query)
    }
    let calls = Array(found.prefix(size))
    let more = found.count > size ? calls.last : nil
    return CallPage(
      calls: calls,
      nextPageToken: more.map { CallToken.page(after: $0.id, fingerprint: fingerprint) })
  }

  /// Begins a watch: with an empty token from the calls that are live now, else after the token's
  /// update.
  package func watch(
    _ filter: CallFilter, resumeToken: String
  ) async throws(DispatchError) -> CallWatch {
    let tokens = WatchTokens(filter: filter, key: ports.tokenKey)
    let place = resumeToken.isEmpty ? nil : try tokens.place(in: resumeToken)
    // Subscribed before the head is read, so that no change falls between.
    guard let subscription = feed.subscribe(.filter(filter)) else { throw .tooManyWatchers }
    do throws(DispatchError) {
      let counts = try await mapped(nil) { () async throws(CallStoreError) in
        try await ports.store.changeCounts()
      }
      let watch = CallWatch(
        feed: feed, subscription: subscription, store: ports.store, filter: filter, after: place,
        counts: counts, tokens: tokens)
      guard watch.isWhole(counts) else { throw DispatchError.resumeTokenExpired }
      return watch
    } catch {
      feed.unsubscribe(subscription)
      throw error
    }
  }
}
