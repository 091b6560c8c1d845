import Testing

@testable import StorePostgres

@Suite struct WaitingTests {
  @Test func keepsTheOrder() {
    var queue = Waiting<Int>()
    #expect(queue.removeFirst() == nil)
    for number in 0..<2000 { queue.append(number) }
    #expect(queue.remove(where: { $0 == 7 }) == 7)
    #expect(queue.remove(where: { $0 == 7 }) == nil)
    for number in 0..<1500 where number != 7 { #expect(queue.removeFirst() == number) }
    #expect(queue.count == 500)
    #expect(queue.first == 1500)
    #expect(queue.last == 1999)
    queue.append(2000)
    #expect(queue.remove(where: { $0 >= 1500 }) == 1500)
    #expect(queue.removeAll() == Array(1501...2000))
    #expect(queue.isEmpty)
    #expect(queue.last == nil)
  }
}
