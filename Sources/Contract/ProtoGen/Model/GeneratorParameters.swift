/// What the caller of the generator decides: what to write, and which module each file belongs to.
package struct GeneratorParameters: Equatable {
  /// What to write in one run.
  package enum Output: String {
    /// Swift messages and enums.
    case messages
    /// Swift service protocols and clients.
    case services
    /// What makes protoc-c's output a module, and the descriptors.
    case c
  }

  /// The modules of the files below a folder.
  struct Owner: Equatable {
    let pathPrefix: String
    let swiftModule: String
    let cModule: String
  }

  let output: Output
  /// The Swift module that the output goes to; services may go to another than their messages.
  let target: String
  let owners: [Owner]

  /// Reads `emit=messages,target=API,owner=trunkline/:API:CAPI,owner=google/:WellKnown:CWellKnown`.
  /// Of the owners the first that fits a file counts.
  init(parsing text: String) throws(GeneratorError) {
    var output: Output?
    var target: String?
    var owners: [Owner] = []
    for part in text.split(separator: ",").map(String.init) {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2 else { throw .badParameter(part) }
      switch pair[0] {
      case "emit": output = Output(rawValue: pair[1])
      case "target": target = pair[1]
      case "owner":
        let fields = pair[1].split(separator: ":", omittingEmptySubsequences: false).map(
          String.init)
        guard fields.count == 3 else { throw .badParameter(part) }
        owners.append(Owner(pathPrefix: fields[0], swiftModule: fields[1], cModule: fields[2]))
      default: throw .badParameter(part)
      }
    }
    guard let output else { throw .badParameter("emit") }
    guard let target else { throw .badParameter("target") }
    self.output = output
    self.target = target
    self.owners = owners
  }

  /// The owner of the file at `path`.
  func owner(of path: String) throws(GeneratorError) -> Owner {
    guard let owner = owners.first(where: { path.hasPrefix($0.pathPrefix) }) else {
      throw .noOwner(file: path)
    }
    return owner
  }
}
