internal import CommandLine
internal import StorePostgres

/// The commands for where the data is kept; none of them serves.
enum StoreCommands {
  static let all = [migrate, export, restore, backup]

  private static let dryRun = Option.flag(
    "dry-run", "Only tell the steps that are missing; change nothing.")
  private static let exportFile = Positional.required(
    "FILE", .text("FILE"), "The file, made with mode 0600; it must not be there.")
  private static let importFile = Positional.required(
    "FILE", .text("FILE"), "A file that `trunklined export` wrote.")
  private static let backupFolder = Positional.required(
    "FOLDER", .text("FOLDER"), "A folder without registry.db and calls.db; made if it is not there."
  )

  private static let unchecked = Option.flag(
    "unchecked",
    "Take pages whose checksum is wrong, as another program that wrote to the files leaves them.")

  private static let migrate = Command<ServerTask>.action(
    "migrate", "Brings the data to this version's tables, as `serve` does at its start.",
    discussion: "Steps run forward only, each in a transaction; two that start at once take turns. "
      + "Tables that a newer version made are left alone.",
    options: [ServeOptions.dataFolder, ServeOptions.database, dryRun]
  ) { (arguments) throws(ArgumentError) in
    let place = try StorePlace(arguments)
    let isDry = try arguments.value(dryRun)
    return ServerTask {
      await StoreTask.run { (out) throws(StoreTaskError) in
        try await place.migrate(onlyTelling: isDry, out)
      }
    }
  }

  private static let export = Command<ServerTask>.action(
    "export", "Writes registry and calls to a file that `import` reads on any engine.",
    discussion:
      "The file has a line for each row, with a check of its own; StoreSQL's PortableLine "
      + "tells its form. Secrets in it stay sealed: the keyring is not in it and must be kept with "
      + "it. It is the data of one moment of each database, servers may go on; what they write "
      + "afterwards is not in it, so stop them before a move.",
    examples: [
      .init("trunklined export --data-dir /var/lib/trunkline all.jsonl", "From SQLite.")
    ],
    options: [ServeOptions.dataFolder, ServeOptions.database], positionals: [exportFile]
  ) { (arguments) throws(ArgumentError) in
    let place = try StorePlace(arguments)
    let file = try arguments.value(exportFile)
    return ServerTask {
      await StoreTask.run { (out) throws(StoreTaskError) in
        try await place.export(to: file, out)
      }
    }
  }

  private static let restore = Command<ServerTask>.action(
    "import", "Reads an export into an empty PostgreSQL.",
    discussion:
      "All of it in one transaction: a row that is damaged, or is not there afterwards as "
      + "the file has it, leaves the database as it was. One that has data is refused.",
    examples: [
      .init("trunklined import --database postgres://… all.jsonl", "From SQLite to PostgreSQL.")
    ],
    options: [ServeOptions.database], positionals: [importFile]
  ) { (arguments) throws(ArgumentError) in
    guard let target = try arguments.value(ServeOptions.database) else {
      throw .conflict("import needs --database: it moves an export to PostgreSQL.")
    }
    let file = try arguments.value(importFile)
    return ServerTask {
      await StoreTask.run { (out) throws(StoreTaskError) in
        try await StorePlace.server(target).load(from: file, out)
      }
    }
  }

  private static let backup = Command<ServerTask>.action(
    "backup", "Copies the SQLite files of a data folder, while a server uses them.",
    discussion:
      "Each file is copied as it is at one moment, and checked. To restore, put the copies "
      + "into a data folder with the keyring, which is not in them. For PostgreSQL use pg_dump, or "
      + "`trunklined export`.",
    options: [ServeOptions.dataFolder, unchecked], positionals: [backupFolder]
  ) { (arguments) throws(ArgumentError) in
    let folder = try arguments.value(ServeOptions.dataFolder)
    let takesWrongChecksums = try arguments.value(unchecked)
    let target = try arguments.value(backupFolder)
    return ServerTask {
      await StoreTask.run { (out) throws(StoreTaskError) in
        try StoreTask.backUp(
          folder, to: target, takesWrongChecksums: takesWrongChecksums, out)
      }
    }
  }
}
