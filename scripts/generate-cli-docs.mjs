/** Puts the help of every command into docs/cli.md, behind the marker. Reads the compiled commands: `npm run build` first, or give their folder. */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const from = resolve(process.argv[2] ?? 'dist')
const load = (file) => import(pathToFileURL(resolve(from, file)).href)
const [{ commands }, { docsOf, DOCS_MARKER }] = await Promise.all([load('cli/commands.js'), load('cli/help.js')])
const page = 'docs/cli.md'
const text = readFileSync(page, 'utf8')
writeFileSync(page, text.slice(0, text.indexOf(DOCS_MARKER)) + docsOf(commands))
