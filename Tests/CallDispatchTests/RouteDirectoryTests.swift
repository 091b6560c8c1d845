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

  /// A feed whose connection goes every half hour, with nothing to tell, is no failing feed.
  @Test func aFeedThatLivedIsOpenedAgainSoon() async {
    let (quiet, _) = await slept(Array(repeating: [.heard], count: 20))
    let (dead, _) = await slept(Array(repeating: [], count: 20))
    #expect(quiet <= .seconds(20 * 0.3))
    #expect(dead > .seconds(100))
  }
}
