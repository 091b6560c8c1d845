import Buffers
import Compression
import GRPC
import Testing
import WellKnown

@testable import GRPCTransport

/// What is converted at once, and what takes too long for that.
@Suite struct RequestConversionTests {
  private typealias Status = Google.Rpc.Status

  private static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var output = ByteWriter()
    bytes.withBytes { Compressor().deflate($0, as: .gzip, into: &output) }
    return output.array()
  }

  private static func conversion(json: Bool = false) -> RequestConversion {
    RequestConversion(
      json: json ? MessageJSON(Status.self, Status.self) : nil, encoding: .gzip,
      limits: InflationLimits(sizeMax: 4 << 20))
  }

  private static func isAtOnce(
    _ message: [UInt8], isCompressed: Bool, json: Bool = false
  ) throws -> Bool {
    let conversion = conversion(json: json)
    let atOnce = try conversion.wireAtOnce(
      of: message, isCompressed: isCompressed, with: Compressor())
    let wire = try conversion.wire(of: message, isCompressed: isCompressed, with: Compressor())
    if let atOnce { #expect(atOnce == wire) }
    return atOnce != nil
  }

  @Test func messagesInTheWireFormatAreTakenAtOnce() throws {
    #expect(try Self.isAtOnce([UInt8](repeating: 0, count: 4 << 20), isCompressed: false))
  }

  @Test func whatBecomesLargeTakesLong() throws {
    let large = [UInt8](repeating: 0, count: 100_000)
    #expect(try Self.isAtOnce(Self.gzip(Array(large.prefix(60_000))), isCompressed: true))
    #expect(try !Self.isAtOnce(Self.gzip(large), isCompressed: true))
  }

  @Test func muchJSONTakesLong() throws {
    let text = { Array(#"{"message":"\#(String(repeating: "x", count: $0))"}"#.utf8) }
    #expect(try Self.isAtOnce(text(10_000), isCompressed: false, json: true))
    #expect(try !Self.isAtOnce(text(20_000), isCompressed: false, json: true))
    #expect(try Self.isAtOnce(Self.gzip(text(10_000)), isCompressed: true, json: true))
    #expect(try !Self.isAtOnce(Self.gzip(text(20_000)), isCompressed: true, json: true))
  }

  @Test func theLimitsHoldBothWays() throws {
    let bomb = Self.gzip([UInt8](repeating: 0, count: 5 << 20))
    #expect(
      try Self.conversion().wireAtOnce(of: bomb, isCompressed: true, with: Compressor()) == nil)
    let error = #expect(throws: RPCError.self) {
      try Self.conversion().wire(of: bomb, isCompressed: true, with: Compressor())
    }
    #expect(error?.code == .resourceExhausted)
    let torn = #expect(throws: RPCError.self) {
      try Self.conversion().wireAtOnce(of: [1, 2, 3], isCompressed: true, with: Compressor())
    }
    #expect(torn?.code == .internal)
  }
}
