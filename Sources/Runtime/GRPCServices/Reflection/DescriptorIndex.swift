internal import GRPC
internal import Protobuf

/// What reflection can be asked about: files, found by their names and by what they declare.
struct DescriptorIndex: Sendable {
  struct File: Sendable {
    var name = ""
    var bytes: [UInt8] = []
    var dependencies: [String] = []
  }

  /// Serialized FileDescriptorProto messages with their imports, by name.
  private(set) var files: [String: File] = [:]
  /// Which file declares a symbol, by its full name.
  private(set) var fileOfSymbol: [String: String] = [:]
  /// Which file declares an extension, by the extended type and number.
  private(set) var fileOfExtension: [String: [Int32: String]] = [:]
  /// The full names of the services that the server serves.
  let services: [String]

  /// Reads the descriptor sets of `services`. A set that is malformed was generated wrongly: that
  /// traps.
  init(_ services: [Router.RegisteredService]) {
    self.services = services.map(\.name).sorted()
    for service in services {
      do {
        try add(set: service.fileDescriptorSet)
      } catch {
        preconditionFailure("the descriptors of \(service.name) are malformed: \(error)")
      }
    }
  }

  /// `name` and all that it imports, itself first.
  func closure(of name: String) -> [File] {
    var found: [File] = []
    var seen: Set<String> = [name]
    var queue = [name]
    while let next = queue.first {
      queue.removeFirst()
      guard let file = files[next] else { continue }
      found.append(file)
      for dependency in file.dependencies where seen.insert(dependency).inserted {
        queue.append(dependency)
      }
    }
    return found
  }

  // MARK: Reading descriptors (google/protobuf/descriptor.proto, whose field numbers these are)

  private mutating func add(set: [UInt8]) throws(DecodingError) {
    var reader = WireReader(set)
    while let tag = try reader.nextTag() {
      guard tag.field == 1, tag.type == .lengthDelimited else {
        try reader.skip(tag)
        continue
      }
      try add(file: try reader.lengthDelimited())
    }
  }

  private mutating func add(file bytes: [UInt8]) throws(DecodingError) {
    let header = try Self.header(of: bytes)
    guard files[header.file.name] == nil else { return }
    files[header.file.name] = header.file
    let name = header.file.name
    let scope = header.package
    var reader = WireReader(bytes)
    while let tag = try reader.nextTag() {
      guard tag.type == .lengthDelimited, (4...7).contains(tag.field) else {
        try reader.skip(tag)
        continue
      }
      let declaration = try reader.lengthDelimited()
      switch tag.field {
      case 4: try add(message: declaration, in: scope, of: name)
      case 5: try add(enumeration: declaration, in: scope, of: name)
      case 6: try add(service: declaration, in: scope, of: name)
      default: try add(extension: declaration, in: scope, of: name)
      }
    }
  }

  private static func header(
    of bytes: [UInt8]
  ) throws(DecodingError) -> (file: File, package: String) {
    var file = File()
    file.bytes = bytes
    var package = ""
    var reader = WireReader(bytes)
    while let tag = try reader.nextTag() {
      switch (tag.field, tag.type) {
      case (1, .lengthDelimited): file.name = try reader.string()
      case (2, .lengthDelimited): package = try reader.string()
      case (3, .lengthDelimited): file.dependencies.append(try reader.string())
      default: try reader.skip(tag)
      }
    }
    return (file, package)
  }

  private mutating func add(
    message bytes: [UInt8], in scope: String, of file: String
  ) throws(DecodingError) {
    let name = join(scope, try Self.name(of: bytes))
    fileOfSymbol[name] = file
    var reader = WireReader(bytes)
    while let tag = try reader.nextTag() {
      guard tag.type == .lengthDelimited else {
        try reader.skip(tag)
        continue
      }
      let declaration = try reader.lengthDelimited()
      switch tag.field {
      case 2, 8: fileOfSymbol[join(name, try Self.name(of: declaration))] = file
      case 3: try add(message: declaration, in: name, of: file)
      case 4: try add(enumeration: declaration, in: name, of: file)
      case 6: try add(extension: declaration, in: name, of: file)
      default: break
      }
    }
  }

  private mutating func add(
    enumeration bytes: [UInt8], in scope: String, of file: String
  ) throws(DecodingError) {
    fileOfSymbol[join(scope, try Self.name(of: bytes))] = file
    // A value is a sibling of its enumeration.
    for value in try Self.members(of: bytes) { fileOfSymbol[join(scope, value)] = file }
  }

  private mutating func add(
    service bytes: [UInt8], in scope: String, of file: String
  ) throws(DecodingError) {
    let name = join(scope, try Self.name(of: bytes))
    fileOfSymbol[name] = file
    for method in try Self.members(of: bytes) { fileOfSymbol[join(name, method)] = file }
  }

  private mutating func add(
    extension bytes: [UInt8], in scope: String, of file: String
  ) throws(DecodingError) {
    var name = ""
    var extendee = ""
    var number: Int32 = 0
    var reader = WireReader(bytes)
    while let tag = try reader.nextTag() {
      switch (tag.field, tag.type) {
      case (1, .lengthDelimited): name = try reader.string()
      case (2, .lengthDelimited): extendee = try reader.string()
      case (3, .varint): number = Int32(truncatingIfNeeded: try reader.varint())
      default: try reader.skip(tag)
      }
    }
    fileOfSymbol[join(scope, name)] = file
    if extendee.hasPrefix(".") { extendee.removeFirst() }
    fileOfExtension[extendee, default: [:]][number] = file
  }

  /// Field 1 of most descriptors.
  private static func name(of bytes: [UInt8]) throws(DecodingError) -> String {
    var reader = WireReader(bytes)
    while let tag = try reader.nextTag() {
      if tag.field == 1, tag.type == .lengthDelimited { return try reader.string() }
      try reader.skip(tag)
    }
    return ""
  }

  /// The names of what field 2 repeats: an enumeration's values, a service's methods.
  private static func members(of bytes: [UInt8]) throws(DecodingError) -> [String] {
    var names: [String] = []
    var reader = WireReader(bytes)
    while let tag = try reader.nextTag() {
      if tag.field == 2, tag.type == .lengthDelimited {
        names.append(try name(of: try reader.lengthDelimited()))
      } else {
        try reader.skip(tag)
      }
    }
    return names
  }

  private func join(_ scope: String, _ name: String) -> String {
    scope.isEmpty ? name : "\(scope).\(name)"
  }
}
