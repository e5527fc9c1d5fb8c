/** Puts the help of every command into docs/cli.md, behind the marker. Compiles the commands for itself: the built command line is bundled. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

// Below node_modules, so that what is compiled finds the packages.
mkdirSync('node_modules/.cache', { recursive: true })
const folder = mkdtempSync(resolve('node_modules/.cache/cli-docs-'))
try {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', folder], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the commands do not compile')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  const load = (file) => import(pathToFileURL(join(folder, file)).href)
  const [{ commands }, { docsOf, DOCS_MARKER }] = await Promise.all([load('cli/commands.js'), load('cli/help.js')])
  const page = 'docs/cli.md'
  const text = readFileSync(page, 'utf8')
  writeFileSync(page, text.slice(0, text.indexOf(DOCS_MARKER)) + docsOf(commands))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
