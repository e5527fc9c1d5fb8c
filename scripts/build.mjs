/**
 * Compiles `src/` to `dist/`: one file out per file in, and then the entry points once more, flattened: what `import 'ottla'` needs at once is one
 * file, or two where the command line shares it, instead of two hundred (docs/adr/0008). What is imported on demand stays in files of its own.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { rolldown } from 'rolldown'

rmSync('dist', { recursive: true, force: true })
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const result = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
if (result.status !== 0) process.exit(result.status ?? 1)

const input = Object.fromEntries(['index', 'tools', 'testing/index', 'cli/main'].filter((name) => existsSync(`dist/${name}.js`)).map((name) => [name, `dist/${name}.js`]))
const bundle = await rolldown({ input, platform: 'node', external: /^[^./]/, preserveEntrySignatures: 'allow-extension', experimental: { attachDebugInfo: 'none' } })

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
  if (has('index')) return has('cli/main') ? 'base' : has('served-database', 'server/wire-sessions') ? 'core' : 'clients'
  if (has('cli/main')) return id === resolve('dist/cli/main.js') ? null : 'cli'
  if (has('server/wire-listener', 'cli/commands/serve')) return has('remote-kafka') ? 'core' : 'server'
  return has('server/wire-sessions') ? has('remote-kafka') ? 'wire' : 'sessions' : null
}
const { output } = await bundle.write({
  dir: 'dist', format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js',
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
for (const { fileName } of output) {
  const path = join('dist', fileName)
  if (passing.has(fileName.slice('chunks/'.length))) rmSync(path)
  else writeFileSync(path, takeBuiltins(takeDirectly(readFileSync(path, 'utf8'))).replace(/[^\0-\x7f]/g, escape))
}
if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755)
