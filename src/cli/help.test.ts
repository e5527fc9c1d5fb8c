import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { commands } from './commands.ts'
import { commandHelp, docsOf, DOCS_MARKER, exitCodes, overview } from './help.ts'

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')

test('docs/cli.md has the help of every command (else: node scripts/generate-cli-docs.mjs)', () => {
  expect(page.slice(page.indexOf(DOCS_MARKER))).toBe(docsOf(commands))
})

test('docs/cli.md names every exit code', () => { for (const [code] of exitCodes) expect(page).toContain(`| ${code} |`) })

test('the overview names every command, and each help every option but those that are refused, and no option wider than a terminal', () => {
  for (const command of commands) {
    expect(overview(commands, '0')).toContain(`  ${command.name} `)
    const help = commandHelp(command)
    for (const [name, { refused }] of Object.entries(command.options)) expect(help.includes(`\n  --${name} `) || help.includes(`\n  --${name}\n`), name).toBe(refused !== true)
    for (const line of help.split('\n')) if (/^ {2}--|^ {20}/.test(line)) expect(line.length, line).toBeLessThanOrEqual(100)
  }
})
