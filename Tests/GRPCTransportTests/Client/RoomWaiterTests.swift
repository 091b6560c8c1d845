import Testing

@testable import GRPCTransport

@Suite(.timeLimit(.minutes(1))) struct RoomWaiterTests {
  @Test func endWakesTheWriter() async {
    let waiter = RoomWaiter()
    await withCheckedContinuation { continuation in
      waiter.wait(continuation)
      waiter.end()
    }
    waiter.end()
  }

  /// As when a writer's cancellation comes to the loop before its wait does.
  @Test func waitAfterItsEndIsOverAtOnce() async {
    let waiter = RoomWaiter()
    waiter.end()
    await withCheckedContinuation { waiter.wait($0) }
  }
}
