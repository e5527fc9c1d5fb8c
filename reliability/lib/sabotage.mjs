/**
 * A build of the package with a planted bug of ../saboteurs.mjs. The patch must match exactly as often as it says, or it is an error: a saboteur that does not
 * apply proves nothing.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { saboteurs } from '../saboteurs.mjs'

const root = resolve(import.meta.dirname, '../..')

/** @param {string} id @returns {boolean} whether it is a patch of the source (some rows have saboteurs of their own) */
export const isPatch = (id) => saboteurs.some((each) => each.id === id)

/**
 * Builds a copy with the patches in it; the folder is removed when the process ends.
 * @param {readonly (string | { file: string, find: string, replace: string, times?: number })[]} patches ids of saboteurs, or patches
 * @returns {string} its dist
 */
export function sabotagedDist(patches) {
  const tree = mkdtempSync(join(tmpdir(), 'ottla-sabotaged-'))
  process.on('exit', () => rmSync(tree, { recursive: true, force: true }))
  for (const name of ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) cpSync(join(root, name), join(tree, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  for (const patch of patches) {
    const { file, find, replace, times = 1 } = typeof patch === 'string' ? saboteurs.find((each) => each.id === patch) ?? fail(`no saboteur is called ${patch}`) : patch
    const path = join(tree, file)
    const before = readFileSync(path, 'utf8')
    const found = before.split(find).length - 1
    if (found !== times) fail(`the patch is to be found ${times} times in ${file}, but is there ${found} times: ${find}`)
    writeFileSync(path, before.replaceAll(find, () => replace))
  }
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--noCheck'], { cwd: tree, stdio: 'inherit' })
  if (status !== 0) fail('the sabotaged copy does not compile')
  return join(tree, 'dist')
}

function fail(message) { throw new Error(message) }
