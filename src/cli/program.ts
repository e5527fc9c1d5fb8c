/** The `ottla` program: finds the command, runs it, turns what happened into an exit code. */
import { OttlaError } from '../common/errors.ts'
import { nearest, VERSION } from '../tools.ts'
import { parseArguments } from './arguments.ts'
import { UsageError, type Command } from './command.ts'
import { commandHelp, commandOfTool, overview } from './help.ts'
import { Terminal } from './terminal.ts'

const FAILED = 1
const USAGE = 2
const INTERRUPTED = 130
const TERMINATED = 143

const words = process.argv.slice(2)
let commands: readonly Command[] = []

/** Clients wait for a server: it does not wait for the other commands to be loaded. */
async function loadCommands(): Promise<readonly Command[]> {
  return words[0] === 'serve' ? [(await import('./commands/serve.ts')).serve] : (await import('./commands.ts')).commands
}

async function run(terminal: Terminal): Promise<number> {
  const { name, rest } = split()
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    const asked = name === 'help' && rest.length > 0 ? find(rest.join(' ')) : null
    const text = asked === null ? overview(commands, VERSION) : commandHelp(asked)
    if (name === undefined) terminal.note(text)
    else void terminal.line(text)
    return name === undefined ? USAGE : 0
  }
  if (name === '--version' || name === '-v' || name === 'version' || rest.includes('--version')) {
    void terminal.line(VERSION)
    return 0
  }
  if (isFamily(name) && (rest[0] === '--help' || rest[0] === '-h')) {
    for (const command of commands) if (command.name.startsWith(`${name} `)) void terminal.line(commandHelp(command))
    return 0
  }
  const command = find(name)
  const { values, help } = parseArguments(rest, command.options, command.operand)
  if (!help) return command.run(terminal, values)
  void terminal.line(commandHelp(command))
  return 0
}

/** The command's name is one word, or two where they make a name together ("perf produce"). */
function split(): { readonly name: string | undefined; readonly rest: readonly string[] } {
  const two = words.slice(0, 2).join(' ')
  return commands.some((command) => command.name === two) ? { name: two, rest: words.slice(2) } : { name: words[0], rest: words.slice(1) }
}

/** The first word of several commands. */
function isFamily(name: string): boolean { return commands.some((command) => command.name.startsWith(`${name} `)) }

function find(name: string): Command {
  const command = commands.find((candidate) => candidate.name === name)
  if (command !== undefined) return command
  const family = commands.filter((candidate) => candidate.name.startsWith(`${name} `)).map((c) => `ottla ${c.name}`)
  if (family.length > 0) throw new UsageError(`say which: ${family.join(' or ')}`)
  const guess = commandOfTool(name) ?? nearest(name, commands.map((c) => c.name))
  throw new UsageError(`unknown command ${JSON.stringify(name)}${guess === null ? '' : `; did you mean "${guess}"?`}`)
}

function tell(terminal: Terminal, error: unknown): number {
  const red = terminal.style('red', 'error:')
  if (error instanceof UsageError) {
    const { name } = split()
    terminal.note(`${red} ${error.message}\nSee ottla ${commands.some((c) => c.name === name) ? `${name} ` : ''}--help.`)
    return USAGE
  }
  if (isOfSystem(error)) {
    terminal.note(`${red} ${error.message}`)
    return FAILED
  }
  const known = OttlaError.from(error)
  terminal.note(`${red} ${known.message}${placeOf(known)} [${known.code}]\n${known.advice}`)
  if (known.code === 'INTERNAL' && error instanceof Error && error.stack !== undefined) terminal.note(error.stack)
  return FAILED
}

/** What reading the input met ("ottla produce < folder"): nobody's bug. */
function isOfSystem(error: unknown): error is Error { return error instanceof Error && !OttlaError.is(error) && 'syscall' in error && 'code' in error }

/** File and position, where the message does not name them. */
function placeOf(error: OttlaError): string {
  const parts: string[] = []
  if (error.file !== undefined && !error.message.includes(error.file)) parts.push(error.file)
  if (error.position !== undefined) parts.push(`position ${error.position}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

export async function main(): Promise<void> {
  const terminal = new Terminal({ out: process.stdout, error: process.stderr })
  let stopCode = 0
  const stop = (code: number) => (): void => {
    // A second signal does not wait for anything.
    if (stopCode !== 0) process.exit(code)
    stopCode = code
    terminal.interrupt()
  }
  process.on('SIGINT', stop(INTERRUPTED))
  process.on('SIGTERM', stop(TERMINATED))
  let code: number
  try {
    commands = await loadCommands()
    code = await run(terminal)
  } catch (error) {
    code = terminal.signal.aborted && OttlaError.is(error, 'ABORTED') ? 0 : tell(terminal, error)
  }
  terminal.endProgress()
  await terminal.flush()
  if (terminal.writeFailure !== null) {
    terminal.note(`${terminal.style('red', 'error:')} the output could not be written: ${terminal.writeFailure.message}`)
    process.exit(FAILED)
  }
  const { name } = split()
  const endsOnSignal = commands.some((command) => command.name === name && command.endsOnSignal === true)
  process.exit(stopCode !== 0 && !endsOnSignal ? stopCode : terminal.readerGone ? 0 : code)
}
