import CallDispatch
import Synchronization
import Telephony
import TestKit
import Testing

@testable import StoreSQLite

struct SQLiteCallStoreTests {
  private let file = TemporaryDatabase()
  private let executor = SQLiteExecutor()

  @Test(arguments: CallStoreConformance.checks)
  func keepsTheRule(_ check: CallStoreCheck) async throws {
    defer { executor.stop() }
    let store = try await SQLiteCallStore(path: file.path, executor: executor)
    try await check.run(on: store)
  }

  @Test func rowThatCantBeReadDoesNotStopTheOthersWork() async throws {
    defer { executor.stop() }
    let reported = Mutex<[String]>([])
    let store = try await SQLiteCallStore(path: file.path, executor: executor) { what in
      reported.withLock { $0.append(what) }
    }
    let time = CallSamples.time(0)
    let calls = (1...2).map { index in
      var call = CallSamples.outbound(UInt64(index))
      call.work = PendingWork(.dial, due: time)
      return call
    }
    _ = try await store.place(Placement(request: nil, calls: calls))
    let other = try SQLiteConnection(path: file.path)
    try other.run(
      "UPDATE calls SET document = ?1, is_sending = 1 WHERE id = ?2",
      [.blob(Array("{}".utf8)), .text(calls[0].id.description)])
    #expect(try await store.dueCalls(at: time, limit: 9).map(\.id) == [calls[1].id])
    #expect(try await store.dueCalls(at: time, limit: 1).map(\.id) == [calls[1].id])
    #expect(try await store.sendingCalls(limit: 9).isEmpty)
    #expect(reported.withLock { $0 } == ["call \(calls[0].id)"])
  }
}
