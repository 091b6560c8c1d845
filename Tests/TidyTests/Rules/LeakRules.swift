/// Nothing in the project says on which machine it was made or where packages were fetched.
enum LeakRules {
  /// Paths of one machine, and hosts of package registries; split, or this file would hold them.
  static let leaks: [String] = [
    "/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "py" + "pi.org",
    "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "proxy.go" + "lang.org",
    "crates" + ".io", "docker" + ".io", "gh" + "cr.io", "qu" + "ay.io", "deb." + "debian.org",
    "security." + "debian.org", "registry.k8s" + ".io", "gc" + "r.io",
  ]

  static func check(_ file: SourceFile) -> [Finding] {
    var findings: [Finding] = []
    for (index, line) in file.lines.enumerated() {
      for leak in leaks where line.contains(leak) {
        findings.append(
          Finding(
            rule: .leaks, path: file.path, line: index + 1,
            message: "`\(leak)` names a machine or a registry; leave it to the configuration."))
      }
    }
    return findings
  }
}
