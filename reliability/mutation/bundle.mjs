/** The test files and what they import as plain modules in one folder, all mutants of `src/record` and `src/log` in them (mutants.mjs), none on. */
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'
import { mutate } from './mutants.mjs'

const root = resolve(import.meta.dirname, '../..')
const harness = pathToFileURL(join(import.meta.dirname, 'harness.mjs')).href
export const isMutated = (path) => /^src\/(record|log)\/[^/]*(?<!\.test)\.ts$/.test(path)
export const entryOf = (test) => `${test.replaceAll('/', '.')}.mjs`

/** What a module says of its own place stays true when it is moved. */
const anchored = (code, id) => code.replaceAll('import.meta.dirname', JSON.stringify(resolve(id, '..'))).replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))

const plugin = {
  name: 'mutants',
  resolveId: (id) => (id === 'vitest' ? { id: harness, external: true } : null),
  load: null,
  transform(code, id) {
    const path = relative(root, id)
    return { code: anchored(isMutated(path) ? mutate(code, path).code : code, id), map: null }
  },
}

export async function bundle(tests, folder) {
  const build = await rolldown({
    cwd: root, input: Object.fromEntries(tests.map((test) => [entryOf(test).slice(0, -4), join(root, test)])), external: (id) => !/^[./]/.test(id) && id !== 'vitest',
    platform: 'node', plugins: [plugin], treeshake: false, logLevel: 'silent',
  })
  await build.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' })
  await build.close()
}
