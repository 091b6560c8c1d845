package import Protobuf

/// A wrapper of one value, which its JSON form is.
private protocol Wrapper: GeneratedMessage {
  associatedtype Wrapped: JSONValue
  var value: Wrapped { get set }
}

extension Wrapper {
  fileprivate func writeWrapped(to json: inout JSONWriter) throws(JSONError) {
    try value.write(to: &json)
  }

  fileprivate init(wrappedFrom json: inout JSONReader) throws(JSONError) {
    self.init()
    value = try Wrapped(from: &json)
  }
}

extension Google.Protobuf.DoubleValue: Wrapper {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try writeWrapped(to: &json)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(wrappedFrom: &json)
  }
}

extension Google.Protobuf.FloatValue: Wrapper {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try writeWrapped(to: &json)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(wrappedFrom: &json)
  }
}

extension Google.Protobuf.Int64Value: Wrapper {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try writeWrapped(to: &json)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(wrappedFrom: &json)
  }
}

extension Google.Protobuf.UInt64Value: Wrapper {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try writeWrapped(to: &json)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(wrappedFrom: &json)
  }
}

extension Google.Protobuf.Int32Value: Wrapper {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try writeWrapped(to: &json)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(wrappedFrom: &json)
  }
}

extension Google.Protobuf.UInt32Value: Wrapper {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try writeWrapped(to: &json)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(wrappedFrom: &json)
  }
}

extension Google.Protobuf.BoolValue: Wrapper {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try writeWrapped(to: &json)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(wrappedFrom: &json)
  }
}

extension Google.Protobuf.StringValue: Wrapper {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try writeWrapped(to: &json)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(wrappedFrom: &json)
  }
}

extension Google.Protobuf.BytesValue: Wrapper {
  package static var hasOwnJSONForm: Bool { true }

  package func write(to json: inout JSONWriter) throws(JSONError) {
    try writeWrapped(to: &json)
  }

  package init(from json: inout JSONReader) throws(JSONError) {
    self = try Self(wrappedFrom: &json)
  }
}
