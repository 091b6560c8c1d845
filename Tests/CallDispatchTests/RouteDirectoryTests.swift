import Access
import CallDispatch
import Synchronization
import Telephony
import TestKit
import Testing

/// A feed that ends after what it is told to say, and remembers where it was asked to go on.
private final class ScriptedSource: RouteSource {
  private let script: Mutex<[[RouteUpdate]]>
  private let asked = Mutex<[RoutePlace?]>([])

  init(_ script: [[RouteUpdate]]) { self.script = Mutex(script) }

  var places: [RoutePlace?] { asked.withLock { $0 } }

  func follow(
    after place: RoutePlace?, _ body: (RouteUpdate) async -> Void
  ) async throws(RouteSourceError) {
    asked.withLock { $0.append(place) }
    let updates = script.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    guard let updates else { throw .cancelled }
    for update in updates { await body(update) }
    throw .unavailable
  }
}

struct RouteDirectoryTests {
  private func place(_ revision: UInt64) -> RoutePlace {
    RoutePlace(epoch: "e", revision: revision)
  }

  private func slept(_ script: [[RouteUpdate]]) async -> (Duration, [RoutePlace?]) {
    let time = ManualTime()
    let source = ScriptedSource(script)
    await RouteDirectory().follow(source, time: time)
    return (time.slept, source.places)
  }

  @Test func aFeedGoesOnWhereItWas() async {
    let (_, places) = await slept([
      [.snapshotBegan, .snapshotEnded(place(5))],
      [.changed(.removeNumber(PhoneNumberID(bits: 1)), at: place(7))],
      [.heard],
    ])
    #expect(places == [nil, place(5), place(7), place(7)])
  }

  private func grant(_ number: Int) -> TokenGrant {
    TokenGrant(
      id: Sample.tokenID(number), tenant: .main, scopes: .all,
      hash: TokenHash([UInt8](repeating: 1, count: TokenHash.size)), expireTime: nil)
  }

  @Test func tokensAreThoseOfTheFeed() {
    let tokens = TokenDirectory()
    let routes = RouteDirectory(tokens: tokens)
    tokens.put(grant(1))
    routes.apply(.snapshotBegan)
    routes.apply(.changed(.setToken(grant(2)), at: nil))
    // What is known stays good until the snapshot is whole; what has come is good already.
    #expect(tokens.grant(grant(1).id) != nil && tokens.grant(grant(2).id) != nil)
    // A snapshot that broke off counts for nothing.
    routes.apply(.snapshotBegan)
    routes.apply(.changed(.setToken(grant(3)), at: nil))
    routes.apply(.snapshotEnded(place(4)))
    #expect(tokens.count == 1 && tokens.grant(grant(3).id) == grant(3))
    routes.apply(.changed(.setToken(grant(4)), at: place(5)))
    routes.apply(.changed(.removeToken(grant(3).id), at: place(6)))
    #expect(tokens.count == 1 && tokens.grant(grant(4).id) == grant(4))
  }

  /// A feed whose connection goes every half hour, with nothing to tell, is no failing feed.
  @Test func aFeedThatLivedIsOpenedAgainSoon() async {
    let (quiet, _) = await slept(Array(repeating: [.heard], count: 20))
    let (dead, _) = await slept(Array(repeating: [], count: 20))
    #expect(quiet <= .seconds(20 * 0.3))
    #expect(dead > .seconds(100))
  }
}
