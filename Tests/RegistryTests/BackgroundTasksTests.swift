import Registry
import Synchronization
import Testing

struct BackgroundTasksTests {
  /// Such as the deadline that a store takes its timeouts from.
  private enum CallersOwn {
    @TaskLocal static var value = 0
  }

  @Test func workTakesNothingOverFromItsCallersTask() async throws {
    let tasks = BackgroundTasks()
    let seen = Mutex<Int?>(nil)
    try CallersOwn.$value.withValue(7) {
      try tasks.start { seen.withLock { $0 = CallersOwn.value } }
    }
    await tasks.idle()
    #expect(seen.withLock { $0 } == 0)
  }
}
