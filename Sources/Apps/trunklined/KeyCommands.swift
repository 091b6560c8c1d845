internal import CommandLine

/// The commands for the keys that seal what is stored. The server may serve meanwhile.
enum KeyCommands {
  static let keys = Command<ServerTask>.group(
    "keys", "Shows the keys that seal secrets, and seals what is stored under another.",
    [list, add, rotate])

  private static let name = Positional.optional(
    "KEY", .text("KEY"), "The new key's name; seal-2, seal-3 and so on without it.")
  private static let key = Positional.optional(
    "KEY", .text("KEY"), "First make this key of the keyring's file the one that seals.")

  private static let list = Command<ServerTask>.action(
    "ls", "Lists the keys, and how many providers and agents each seals.",
    discussion: "A key that seals nothing and is not the current one may be removed from the "
      + "keyring. Changes nothing.",
    options: [ServeOptions.dataFolder, ServeOptions.database, ServeOptions.keyring]
  ) { (arguments) throws(ArgumentError) in
    let (place, keyring) = (try StorePlace(arguments), try KeyringPlace(arguments))
    return ServerTask {
      await StoreTask.run { (out) throws(StoreTaskError) in
        try await KeyTask(place, keyring).list(out)
      }
    }
  }

  private static let add = Command<ServerTask>.action(
    "add", "Adds a fresh key that seals to the keyring's file; it is not used yet.",
    discussion: "Servers that have the file know the key within seconds and say so in their log. "
      + "Keep a copy of the file before `rotate`.",
    options: [ServeOptions.dataFolder, ServeOptions.keyring], positionals: [name]
  ) { (arguments) throws(ArgumentError) in
    let keyring = try KeyringPlace(arguments)
    let name = try arguments.value(name)
    return ServerTask {
      await StoreTask.run { (out) throws(StoreTaskError) in
        try KeyTask.add(name, to: keyring, out)
      }
    }
  }

  private static let rotate = Command<ServerTask>.action(
    "rotate", "Seals everything that is stored under the current key.",
    discussion:
      "Row by row, while servers read and write: a row that changes meanwhile keeps its change. "
      + "Run it again after a crash; it goes on with the rows that are left. Where the keyring is "
      + "mounted, every server has the new key before it becomes the current one: add it behind "
      + "the others first.",
    examples: [
      .init("trunklined keys add", "A new key, seal-2, that every server learns of."),
      .init("trunklined keys rotate seal-2", "Use it, and seal everything under it."),
    ],
    options: [ServeOptions.dataFolder, ServeOptions.database, ServeOptions.keyring],
    positionals: [key]
  ) { (arguments) throws(ArgumentError) in
    let (place, keyring) = (try StorePlace(arguments), try KeyringPlace(arguments))
    let key = try arguments.value(key)
    return ServerTask {
      await StoreTask.run { (out) throws(StoreTaskError) in
        try await KeyTask(place, keyring).rotate(to: key, out)
      }
    }
  }
}
