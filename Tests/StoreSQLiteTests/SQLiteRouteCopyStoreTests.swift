import CallDispatch
import Telephony
import TestKit
import Testing

@testable import StoreSQLite

struct SQLiteRouteCopyStoreTests {
  private let file = TemporaryDatabase()

  private func row(_ kind: RouteCopyKind, _ id: String, _ byte: UInt8) -> RouteCopyRow {
    RouteCopyRow(RouteCopyKey(kind, id), sealed: [byte])
  }

  /// Runs `body` on the file, opened anew.
  private func withStore(_ body: (SQLiteRouteCopyStore) async throws -> Void) async throws {
    let executor = SQLiteExecutor()
    defer { executor.stop() }
    try await body(try await SQLiteRouteCopyStore(path: file.path, executor: executor))
  }

  @Test func aSnapshotTakesThePlaceOfWhatWasThere() async throws {
    let old = RoutePlace(epoch: "one", revision: 3, time: Timestamp(microseconds: 77))
    let new = RoutePlace(epoch: "two", revision: 1)
    try await withStore { store in
      #expect(try await store.place() == nil)
      try await store.apply(.snapshotBegan)
      try await store.apply(.put([row(.number, "a", 1), row(.number, "b", 1)]))
      #expect(try await store.place() == nil)
      try await store.apply(.snapshotEnded(place: old))
      try await store.apply(.kept(row(.lease, "p", 9)))
    }
    try await withStore { store in
      #expect(try await store.place() == old)
      try await store.apply(.snapshotBegan)
      try await store.apply(.put([row(.number, "b", 2)]))
      // Until its end what was there stays.
      #expect(try await store.rows(after: nil, limit: 9).count == 3)
      #expect(try await store.place() == old)
    }
    try await withStore { store in
      try await store.apply(.put([row(.provider, "p", 2)]))
      try await store.apply(.snapshotEnded(place: new))
      #expect(try await store.place() == new)
      #expect(
        try await store.rows(after: nil, limit: 9)
          == [row(.lease, "p", 9), row(.number, "b", 2), row(.provider, "p", 2)])
    }
  }

  @Test func aRowIsSealedAnewOnlyAsItWasRead() async throws {
    let place = RoutePlace(epoch: "one", revision: 3)
    try await withStore { store in
      try await store.apply(.snapshotBegan)
      try await store.apply(
        .put([row(.agent, "gone", 1), row(.number, "a", 1), row(.number, "b", 1)]))
      try await store.apply(.snapshotEnded(place: place))
      let read = try await store.rows(after: nil, limit: 9)
      // Meanwhile one row changes and one goes.
      try await store.apply(
        .changed(put: row(.number, "b", 2), removed: [.init(.agent, "gone")], place: place))
      try await store.apply(.resealed(read.map { RouteCopyReseal($0, sealed: [7]) }))
      #expect(
        try await store.rows(after: nil, limit: 9)
          == [row(.number, "a", 7), row(.number, "b", 2)])
      #expect(try await store.place() == place)
    }
  }

  @Test func aChangeAndItsPlaceAreOneStep() async throws {
    let place = RoutePlace(epoch: "one", revision: 8)
    try await withStore { store in
      try await store.apply(.snapshotBegan)
      try await store.apply(.put([row(.provider, "p", 1), row(.number, "a", 1)]))
      try await store.apply(.snapshotEnded(place: RoutePlace(epoch: "one", revision: 7)))
      try await store.apply(.kept(row(.lease, "p", 9)))
      try await store.apply(
        .changed(put: row(.number, "a", 2), removed: [], place: place))
      #expect(try await store.place() == place)
      let next = RoutePlace(epoch: "one", revision: 9)
      try await store.apply(
        .changed(
          put: nil, removed: [RouteCopyKey(.provider, "p"), RouteCopyKey(.lease, "p")],
          place: next))
      #expect(try await store.rows(after: nil, limit: 9) == [row(.number, "a", 2)])
      #expect(try await store.place() == next)
    }
  }

  @Test func rowsComeInPages() async throws {
    try await withStore { store in
      try await store.apply(.put((0..<5).map { row(.number, "\($0)", 1) }))
      var seen: [String] = []
      var last: RouteCopyKey?
      while let page = Optional(try await store.rows(after: last, limit: 2)), !page.isEmpty {
        seen += page.map(\.key.id)
        last = page.last?.key
      }
      #expect(seen == ["0", "1", "2", "3", "4"])
    }
  }

  @Test func aKindOfANewerProgramIsLeftOut() async throws {
    try await withStore { store in
      try await store.apply(.put([row(.number, "a", 1)]))
      let other = try SQLiteConnection(path: file.path)
      try other.run("INSERT INTO route_copies VALUES ('mystery', 'x', 0, x'00')")
      #expect(try await store.rows(after: nil, limit: 9) == [row(.number, "a", 1)])
    }
  }

  /// A file of the version before has no tokens: it stays in use, and all is sent again.
  @Test func aFileWithoutTokensAsksForEverything() async throws {
    try await withStore { store in
      try await store.apply(.snapshotBegan)
      try await store.apply(.put([row(.number, "a", 1)]))
      try await store.apply(.snapshotEnded(place: RoutePlace(epoch: "one", revision: 3)))
    }
    do {
      let connection = try SQLiteConnection(path: file.path)
      try connection.runScript(
        """
        ALTER TABLE route_copy_place DROP COLUMN change_time;
        PRAGMA user_version = 1;
        """)
    }
    try await withStore { store in
      let place = try await store.place()
      #expect(place == RoutePlace(epoch: "", revision: 0))
      #expect(try await store.rows(after: nil, limit: 9) == [row(.number, "a", 1)])
    }
  }
}
