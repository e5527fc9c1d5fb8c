/** The test files and what they import as plain modules in one folder, all mutants of the modules that are asked about in them (mutants.mjs), none on. */
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'
import { mutate } from './mutants.mjs'

const root = resolve(import.meta.dirname, '../..')
const harness = pathToFileURL(join(import.meta.dirname, 'harness.mjs')).href
export const entryOf = (test) => `${test.replaceAll('/', '.')}.mjs`

/** What a module says of its own place stays true when it is moved. */
const anchored = (code, id) => code.replaceAll('import.meta.dirname', JSON.stringify(resolve(id, '..'))).replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))

const pluginFor = (modules) => ({
  name: 'mutants',
  resolveId: (id) => (id === 'vitest' ? { id: harness, external: true } : null),
  load: null,
  transform(code, id) {
    const path = relative(root, id)
    return { code: anchored(modules.has(path) ? mutate(code, path).code : code, id), map: null }
  },
})

export async function bundle(tests, modules, folder) {
  const build = await rolldown({
    cwd: root, input: Object.fromEntries(tests.map((test) => [entryOf(test).slice(0, -4), join(root, test)])), external: (id) => !/^[./]/.test(id) && id !== 'vitest',
    platform: 'node', plugins: [pluginFor(new Set(modules))], treeshake: false, logLevel: 'silent',
  })
  await build.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' })
  await build.close()
}
