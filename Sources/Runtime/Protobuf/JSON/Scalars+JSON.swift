internal import Buffers

extension Bool: JSONValue {
  package var isJSONDefault: Bool { !self }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    json.literal(self ? "true" : "false")
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try json.bool()
  }
}

extension String: JSONValue {
  package var isJSONDefault: Bool { isEmpty }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    json.string(self)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try json.string()
  }
}

/// Bytes are written in the standard base64 alphabet; the URL's is read too.
extension [UInt8]: JSONValue {
  package var isJSONDefault: Bool { isEmpty }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    json.string(Base64.encode(self))
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    guard let bytes = Base64.decode(try json.string().utf8, .either) else {
      throw json.valueError("base64")
    }
    self = bytes
  }
}

/// Integers of 64 bits are written as strings, since JavaScript's numbers cannot hold them.
/// Numbers and strings are both read, and fractions and exponents as long as the value is whole.
extension JSONReader {
  mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws(JSONError) -> T {
    let text = peek() == UInt8(ascii: "\"") ? try string() : try numberForValue()
    guard let digits = Self.wholeNumber(text), let value = T(digits) else {
      throw valueError("a whole number from \(T.min) to \(T.max)")
    }
    return value
  }

  private mutating func numberForValue() throws(JSONError) -> String {
    guard let byte = peek(), byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte) else {
      throw valueError("a number")
    }
    return try number()
  }

  /// The digits of a number that is written with a fraction or an exponent but is whole.
  static func wholeNumber(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    guard numberLength(bytes[...]) == bytes.count, !bytes.isEmpty else { return nil }
    let parts = text.split(maxSplits: 1) { $0 == "e" || $0 == "E" }
    guard let exponent = parts.count == 2 ? Int(parts[1]) : 0 else { return nil }
    let mantissa = parts[0].split(separator: ".", maxSplits: 1)
    var digits = String(mantissa[0])
    let fraction = mantissa.count == 2 ? mantissa[1] : ""
    digits += fraction
    guard digits.contains(where: { $0 != "0" && $0 != "-" }) else { return "0" }
    // No integer has more than 20 digits; beyond that only zeros could be cut or added.
    let shift = exponent.subtractingReportingOverflow(fraction.utf8.count)
    guard !shift.overflow, shift.partialValue < 20, shift.partialValue > -digits.utf8.count else {
      return nil
    }
    if shift.partialValue >= 0 {
      return digits + String(repeating: "0", count: shift.partialValue)
    }
    let cut = digits.suffix(-shift.partialValue)
    guard cut.allSatisfy({ $0 == "0" }) else { return nil }
    return String(digits.dropLast(-shift.partialValue))
  }

  /// A floating-point number; `isInfinite` of the result means that the text says so.
  mutating func floatingPoint<T: BinaryFloatingPoint & LosslessStringConvertible>(
    _ type: T.Type
  ) throws(JSONError) -> T {
    let text: String
    if peek() == UInt8(ascii: "\"") {
      text = try string()
      switch text {
      case "NaN": return .nan
      case "Infinity": return .infinity
      case "-Infinity": return -.infinity
      default: break
      }
    } else {
      text = try numberForValue()
    }
    let bytes = Array(text.utf8)
    guard !bytes.isEmpty, Self.numberLength(bytes[...]) == bytes.count, let value = T(text),
      value.isFinite
    else { throw valueError("a number in the range of the type") }
    return value
  }
}

extension JSONWriter {
  mutating func floatingPoint<T: BinaryFloatingPoint & LosslessStringConvertible>(_ value: T) {
    if value.isNaN {
      string("NaN")
    } else if value.isInfinite {
      string(value < 0 ? "-Infinity" : "Infinity")
    } else if value.magnitude == T.greatestFiniteMagnitude {
      // The shortest text of the largest `float` is above it, which some readers refuse.
      literal(Double(value).description)
    } else {
      literal(value.description)
    }
  }
}

extension Int32: JSONValue {
  package var isJSONDefault: Bool { self == 0 }
  package func write(to json: inout JSONWriter) throws(JSONError) { json.literal(description) }
  package init(from json: inout JSONReader) throws(JSONError) { self = try json.integer(Self.self) }
}

extension UInt32: JSONValue {
  package var isJSONDefault: Bool { self == 0 }
  package func write(to json: inout JSONWriter) throws(JSONError) { json.literal(description) }
  package init(from json: inout JSONReader) throws(JSONError) { self = try json.integer(Self.self) }
}

extension Int64: JSONValue {
  package var isJSONDefault: Bool { self == 0 }
  package func write(to json: inout JSONWriter) throws(JSONError) { json.string(description) }
  package init(from json: inout JSONReader) throws(JSONError) { self = try json.integer(Self.self) }
}

extension UInt64: JSONValue {
  package var isJSONDefault: Bool { self == 0 }
  package func write(to json: inout JSONWriter) throws(JSONError) { json.string(description) }
  package init(from json: inout JSONReader) throws(JSONError) { self = try json.integer(Self.self) }
}

/// Minus zero is not the default: its bits are not zero.
extension Float: JSONValue {
  package var isJSONDefault: Bool { bitPattern == 0 }
  package func write(to json: inout JSONWriter) throws(JSONError) { json.floatingPoint(self) }
  package init(from json: inout JSONReader) throws(JSONError) {
    self = try json.floatingPoint(Self.self)
  }
}

/// Minus zero is not the default: its bits are not zero.
extension Double: JSONValue {
  package var isJSONDefault: Bool { bitPattern == 0 }
  package func write(to json: inout JSONWriter) throws(JSONError) { json.floatingPoint(self) }
  package init(from json: inout JSONReader) throws(JSONError) {
    self = try json.floatingPoint(Self.self)
  }
}
