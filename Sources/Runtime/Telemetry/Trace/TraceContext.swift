/// Where in which trace an operation stands (W3C Trace Context, level 1).
package struct TraceContext: Hashable, Sendable {
  /// The trace's id, 128 bits; never all zero.
  package let traceHigh: UInt64
  package let traceLow: UInt64
  /// The operation's own id; never zero.
  package let span: UInt64
  /// Whether whoever began the trace records it.
  package let isSampled: Bool
  /// `tracestate` as it came, at most ``stateLengthMax`` bytes: it is passed on and not read.
  package let state: String

  /// A longer tracestate is dropped; 512 is what everybody has to pass on (section 3.3.1.5).
  package static let stateLengthMax = 512

  private static let length = 55

  package init(
    traceHigh: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool, state: String = ""
  ) {
    precondition(traceHigh != 0 || traceLow != 0, "a trace's id is not zero")
    precondition(span != 0, "a span's id is not zero")
    self.traceHigh = traceHigh
    self.traceLow = traceLow
    self.span = span
    self.isSampled = isSampled
    self.state = state
  }

  /// Reads `traceparent`; `nil` if it is none (section 3.2): then the trace begins anew.
  ///
  /// A later version is read as far as this one goes, as the recommendation asks.
  package init?(traceparent: String, tracestate: String = "") {
    let text = Array(traceparent.utf8)
    guard text.count >= Self.length, text[2] == UInt8(ascii: "-"),
      text[35] == UInt8(ascii: "-"), text[52] == UInt8(ascii: "-"),
      let version = Self.number(text[0..<2]), version != 0xff,
      version == 0 ? text.count == Self.length : Self.endsField(text),
      let high = Self.number(text[3..<19]), let low = Self.number(text[19..<35]),
      let span = Self.number(text[36..<52]), let flags = Self.number(text[53..<55]),
      high != 0 || low != 0, span != 0
    else { return nil }
    self.init(
      traceHigh: high, traceLow: low, span: span, isSampled: flags & 1 != 0,
      state: tracestate.utf8.count <= Self.stateLengthMax ? tracestate : "")
  }

  private static func endsField(_ text: [UInt8]) -> Bool {
    text.count == length || text[length] == UInt8(ascii: "-")
  }

  /// Lower-case hex digits; upper-case ones are a mistake here.
  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var number: UInt64 = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        number = number << 4 | UInt64(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"):
        number = number << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    return number
  }

  /// The beginning of a trace.
  package static func root(isSampled: Bool) -> TraceContext {
    TraceContext(
      traceHigh: .random(in: .min ... .max), traceLow: .random(in: 1 ... .max),
      span: .random(in: 1 ... .max), isSampled: isSampled)
  }

  /// An operation that this one causes, and whether it is recorded.
  package func child(isSampled: Bool) -> TraceContext {
    TraceContext(
      traceHigh: traceHigh, traceLow: traceLow, span: .random(in: 1 ... .max),
      isSampled: isSampled, state: state)
  }

  /// What goes with a request that the operation makes.
  package var traceparent: String { "00-\(traceID)-\(Self.hex(span))-\(isSampled ? "01" : "00")" }

  /// The trace's id in 32 hex digits, as logs show it.
  package var traceID: String { Self.hex(traceHigh) + Self.hex(traceLow) }

  private static func hex(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
