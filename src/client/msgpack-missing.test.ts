import { expect, test, vi } from 'vitest'
import { serializers } from './serializers.ts'

vi.mock('../common/packages.ts', async (importOriginal) => ({
  ...await importOriginal<Record<string, unknown>>(),
  packages: () => (name: string) => { throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' }) },
}))

test('a value in MessagePack says which package is missing, and what to do', () => {
  const context = { topic: 't', isKey: false, headers: [] }
  expect(() => serializers.msgpack.serialize({ a: 1 }, context as never)).toThrow(expect.objectContaining({
    code: 'DEPENDENCY_MISSING', message: expect.stringMatching(/^package msgpackr could not be loaded \(Cannot find module 'msgpackr\/pack'\): install the dependencies again/) as string,
  }))
})
