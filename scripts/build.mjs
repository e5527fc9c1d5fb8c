/**
 * Compiles `src/` to `dist/`: one file out per file in, and then the entry points once more, each flattened with what it needs at once: opening a
 * database loads a dozen files instead of two hundred (docs/adr/0008). What is imported on demand stays a file of its own.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { rolldown } from 'rolldown'

rmSync('dist', { recursive: true, force: true })
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const result = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
if (result.status !== 0) process.exit(result.status ?? 1)

const input = Object.fromEntries(['index', 'tools', 'testing/index', 'cli/main'].filter((name) => existsSync(`dist/${name}.js`)).map((name) => [name, `dist/${name}.js`]))
const bundle = await rolldown({ input, platform: 'node', external: /^[^./]/ })
const { output } = await bundle.write({ dir: 'dist', format: 'esm', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js', minify: false })
await bundle.close()
// Plain ASCII is read and parsed as one byte a character.
const escape = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
for (const { fileName } of output) {
  const path = join('dist', fileName)
  writeFileSync(path, readFileSync(path, 'utf8').replace(/[^\0-\x7f]/g, escape))
}
if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755)
