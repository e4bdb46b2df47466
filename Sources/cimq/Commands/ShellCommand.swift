internal import ArgumentParser
internal import CIMEngine
internal import Glibc

struct ShellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shell",
    abstract: "Ask questions interactively; reads statements from stdin when it is not a terminal.",
    discussion: """
      Statements end with ; and may run over several lines. Tab completes, the arrows walk through the history, Ctrl-R
      searches it, Ctrl-C drops what is typed or stops the running query, Ctrl-D leaves. Dot commands: .help
      Maps: .mode map draws in the terminal, .open writes a page for the browser. Commands and statements in
      ~/.config/cimq/rc and ~/.cimqrc run first on a terminal. Results longer than the screen go to $PAGER, else less.
      """)

  @Argument(help: ArgumentHelp("The database; $CIMQ_DB when left out.", valueName: "DB"), completion: .file())
  var path: String?
  @Flag(name: .customLong("no-rc"), help: "Do not read ~/.config/cimq/rc and ~/.cimqrc.")
  var noConfiguration = false
  @OptionGroup var personal: PersonalArguments

  func run() throws {
    guard let path = path ?? DatabasePath.fromEnvironment else {
      throw ValidationError("which database? cimq shell DB — or set CIMQ_DB")
    }
    let shell = try Shell(
      path: path, personal: PersonalOutput(isFull: personal.personal, sandbox: personal.sandbox))
    if let terminal = RawTerminal() {
      try shell.runInteractively(on: terminal, readsConfiguration: !noConfiguration)
    } else {
      try shell.runFromInput()
    }
    if shell.database.isInTransaction {
      throw StoreError(.content, "a transaction was open at the end, so its edits are undone; COMMIT keeps them")
    }
  }
}

struct CompletionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions", abstract: "Print the completion script of a command shell.",
    discussion: """
      bash:  cimq completions bash > ~/.local/share/bash-completion/completions/cimq
      zsh:   cimq completions zsh > ~/.zfunc/_cimq        (with fpath+=~/.zfunc before compinit)
      fish:  cimq completions fish > ~/.config/fish/completions/cimq.fish
      """)

  @Argument(help: "bash, zsh or fish.")
  var shell: String

  func run() throws {
    guard let shell = CompletionShell(rawValue: shell.lowercased()) else {
      throw ValidationError("completions are there for bash, zsh and fish; found `\(shell)`")
    }
    RawTerminal.write(Cimq.completionScript(for: shell) + "\n", to: STDOUT_FILENO)
  }
}
