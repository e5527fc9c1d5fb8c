/**
 * Compiles `src/` to `dist/`: one file out per file in, and then the entry points once more, flattened: what `import 'ottla'` needs at once is one
 * file, or two where the command line shares it, instead of two hundred (docs/adr/0008). What is imported on demand stays in files of its own.
 * The command line has `dist/cli` for itself, where the same files are CommonJS, which Node loads faster (docs/adr/0033).
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, posix, resolve } from 'node:path'
import { rolldown } from 'rolldown'

rmSync('dist', { recursive: true, force: true })
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const result = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
if (result.status !== 0) process.exit(result.status ?? 1)

const LIBRARY = ['index', 'testing/index']
const COMMAND = 'cli/main'
/** All of the command line but what it starts with. */
const PROGRAM = 'cli/program'
const input = Object.fromEntries([...LIBRARY, COMMAND].map((name) => [name, `dist/${name}.js`]))
// Without `chunkOptimization` entries export what they should and nothing besides.
const experimental = { attachDebugInfo: 'none', chunkOptimization: false }
const bundle = await rolldown({ input, platform: 'node', external: /^[^./]/, preserveEntrySignatures: 'allow-extension', experimental })

/** The modules that `entry` loads at once: its imports, theirs, and so on, without those on demand. */
const closures = new Map()
function closureOf(entry, context) {
  let found = closures.get(entry)
  if (found !== undefined) return found
  found = new Set([resolve(`dist/${entry}.js`)])
  for (const id of found) for (const imported of context.getModuleInfo(id)?.importedIds ?? []) found.add(imported)
  closures.set(entry, found)
  return found
}
/**
 * Each file costs half a millisecond whatever is in it. The library is two, as a server does without producers and consumers, but for what a command needs
 * before it opens anything; what every command needs is another. To listen takes one more, and when somebody comes two: clients of clusters share the
 * protocol with it.
 */
function chunkOf(id, context) {
  const has = (...entries) => entries.some((entry) => closureOf(entry, context).has(id))
  if (has('index')) return has(PROGRAM) ? 'base' : has('served-database', 'server/wire-sessions') ? 'core' : 'clients'
  if (has(COMMAND)) return null
  if (has(PROGRAM)) return 'cli'
  if (has('server/wire-listener', 'cli/commands/serve')) return has('remote-kafka') ? 'core' : 'server'
  return has('server/wire-sessions') ? has('remote-kafka') ? 'wire' : 'sessions' : null
}
const { output } = await bundle.generate({
  format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js',
  // Reading source is most of a start. Comments go and local variables get short names; lines and all names that a stack trace shows stay.
  minify: { compress: false, mangle: { toplevel: false, keepNames: true }, codegen: { removeWhitespace: false } }, comments: false,
  codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: chunkOf, debugName: 'library' }] },
})
await bundle.close()

/** Chunks that only pass on what another has, under its own names: file → the file that has it, and the names. */
const passing = new Map(output.flatMap(({ fileName, isEntry, code }) => {
  const [, names, from, exported] = /^import \{ (.+) \} from "\.\/(.+)";\nexport \{ (.+) \};\s*$/.exec(code) ?? []
  const isPlain = !isEntry && names !== undefined && !/ as /.test(exported)
  return isPlain ? [[fileName.slice('chunks/'.length), { from, names: names.split(', ').map((name) => name.split(' as ')) }]] : []
}))
/** Whoever imports such a chunk on demand takes what it passes on from where it is: a file less to be found, read and linked. */
const takeDirectly = (code) => code.replace(/\bimport\("((?:\.\.?\/)+(?:chunks\/)?)([^"/]+)"\)/g, (all, folder, file) => {
  const passed = passing.get(file)
  return passed === undefined ? all : `import("${folder}${passed.from}").then((e) => ({ ${passed.names.map(([inner, name = inner]) => `${name}: e.${inner}`).join(', ')} }))`
})
/** Modules of Node are there already, or made at once: an `import` of one makes a module around it, with all its names, that is found and linked as files are. */
function takeBuiltins(code) {
  const direct = code.replace(/^import (?:(\w+)|\* as (\w+)|\{ (.+) \}) from "(node:[\w/]+)";$/gm, (_, one, all, names, from) => (
    `const ${one ?? all ?? `{ ${names.replaceAll(' as ', ': ')} }`} = process.getBuiltinModule("${from}");`))
  const left = /^import .* from "node:.*/m.exec(direct)
  if (left !== null) throw new Error(`not known how to take: ${left[0]}`)
  return direct
}
// Plain ASCII is read and parsed as one byte a character.
const escape = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
const flattened = new Map(output.map(({ fileName, code }) => [fileName, takeBuiltins(takeDirectly(code)).replace(/[^\0-\x7f]/g, escape)]))

/** The files that `entries` load, at once or on demand. */
function filesOf(entries) {
  const files = new Set(entries.map((entry) => `${entry}.js`))
  for (const file of files) for (const [, target] of flattened.get(file).matchAll(/\b(?:from |import ?\(?)"(\.[^"]+)"/g)) files.add(posix.join(posix.dirname(file), target))
  return files
}

/** `code` of ES modules for `require`. Raises an error where that would be something else: bindings that change, an `await` before all is defined. */
function asCommonJs(code) {
  const exported = []
  const common = code
    // Node versions without `getBuiltinModule` are to come as far as where they are told so.
    .replace(/^(const .+ = )process\.getBuiltinModule\(("node:[^"]+")\);$/gm, '$1require($2);')
    .replace(/^import (?:\{ (.+) \} from )?"(.+)";$/gm, (_, names = '', from) => `const { ${names.replaceAll(' as ', ': ')} } = require("${from}");`)
    .replace(/^export \{ ?(.*?) ?\};$/gm, (_, names) => {
      if (names !== '') exported.push(...names.split(', ').map((name) => name.split(' as ')))
      return ''
    })
    .replace(/\bimport\(("[^"]+")\)/g, 'Promise.resolve().then(() => require($1))')
    .replaceAll('import.meta.url', 'undefined')
  const changing = exported.find(([name]) => new RegExp(`^let ${name.replaceAll('$', '\\$')}\\b`, 'm').test(common))
  const left = changing ?? /^(?:import|export|await)\b.*|.*\bimport[.(].*|^(?:const|let) .*[^.\w]await .*/m.exec(common)
  if (left !== null) throw new Error(`not known how to require: ${left[0]}`)
  return `${common.replace(/^(?:#!.*\n)?/, '$&"use strict";\n')}module.exports = { ${exported.map(([inner, name = inner]) => `${name}: ${inner}`).join(', ')} };\n`
}

const home = dirname(COMMAND)
rmSync(join('dist', home), { recursive: true })
for (const file of filesOf(LIBRARY)) write(file, flattened.get(file))
for (const file of filesOf([COMMAND])) {
  const code = asCommonJs(flattened.get(file))
  // What lies beside the folder of the command otherwise lies in it.
  if (file === `${COMMAND}.js`) write(file, code.replaceAll('require("../', 'require("./'))
  else write(join(home, file), code)
}
write(join(home, 'package.json'), '{ "type": "commonjs" }\n')
chmodSync(`dist/${COMMAND}.js`, 0o755)

function write(file, text) {
  mkdirSync(dirname(join('dist', file)), { recursive: true })
  writeFileSync(join('dist', file), text)
}
