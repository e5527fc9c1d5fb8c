/** What every MetadataStore must do. Run on the memory store and on LMDB; later on ZooKeeper. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OttlaError } from '../../common/errors.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : Buffer.from(value).toString())

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try { await promise } catch (error) { return OttlaError.is(error) ? error.code : String(error) }
  return 'no error'
}

export function metadataStoreContract(name: string, open: () => Promise<MetadataStore>): void {
  describe(`${name} keeps the metadata store contract`, () => {
    let store: MetadataStore
    beforeEach(async () => { store = await open() })
    afterEach(() => store.close())

    test('a node that was never made is null', async () => {
      expect(await store.get('/topics/a')).toBeNull()
    })

    test('create makes version 0, and only once', async () => {
      expect(await store.create('/topics/a', bytes('one'))).toBe(true)
      expect(await store.create('/topics/a', bytes('two'))).toBe(false)
      const node = await store.get('/topics/a')
      expect([text(node?.value), node?.version]).toEqual(['one', 0])
    })

    test('set creates version 0, then raises the version by one', async () => {
      expect(await store.set('/a', bytes('1'))).toBe(0)
      expect(await store.set('/a', bytes('2'))).toBe(1)
      expect(await store.set('/a', bytes('3'), 1)).toBe(2)
      expect(text((await store.get('/a'))?.value)).toBe('3')
    })

    test('a conditional set with a stale version, or on a missing node, changes nothing', async () => {
      await store.set('/a', bytes('1'))
      await store.set('/a', bytes('2'))
      expect(await store.set('/a', bytes('3'), 0)).toBe(-1)
      expect(text((await store.get('/a'))?.value)).toBe('2')
      expect(await store.set('/b', bytes('3'), 0)).toBe(-1)
      expect(await store.set('/b', bytes('3'), -1)).toBe(-1)
      expect(await store.get('/b')).toBeNull()
    })

    test('delete removes, with the right version when one is given', async () => {
      await store.set('/a', bytes('1'))
      await store.set('/a', bytes('2'))
      expect(await store.delete('/a', 0)).toBe(false)
      expect(await store.delete('/a', 1)).toBe(true)
      expect(await store.delete('/a')).toBe(false)
      expect(await store.create('/a', bytes('new'))).toBe(true)
      expect((await store.get('/a'))?.version).toBe(0)
    })

    test('children lists direct names only, sorted, also those that exist through deeper nodes', async () => {
      for (const path of ['/t/b', '/t/a.b', '/t/a', '/t/a/deep', '/t/c/deep', '/tt/x', '/t-1', '/t']) await store.set(path, bytes(path))
      expect(await store.children('/t')).toEqual(['a', 'a.b', 'b', 'c'])
      expect(await store.children('/')).toEqual(['t', 't-1', 'tt'])
      expect(await store.children('/none')).toEqual([])
    })

    test('entries gives direct nodes with values and versions', async () => {
      for (const path of ['/t/b', '/t/a', '/t/a/deep', '/t/c/deep', '/u']) await store.set(path, bytes(path))
      await store.set('/t/b', bytes('again'))
      const entries = await store.entries('/t')
      expect(entries.map(({ name, node }) => [name, text(node.value), node.version])).toEqual([['a', '/t/a', 0], ['b', 'again', 1]])
    })

    test('values are copied in and out', async () => {
      const value = bytes('abc')
      await store.set('/a', value)
      value.fill(0)
      const first = await store.get('/a')
      expect(text(first?.value)).toBe('abc')
      first?.value.fill(0)
      expect(text((await store.get('/a'))?.value)).toBe('abc')
    })

    test('empty values, every byte and values up to 1 MiB are kept', async () => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i)
      const large = new Uint8Array(1_048_576).fill(7)
      await store.set('/empty', new Uint8Array(0))
      await store.set('/all', all)
      await store.set('/large', large)
      expect((await store.get('/empty'))?.value).toEqual(new Uint8Array(0))
      expect((await store.get('/all'))?.value).toEqual(all)
      expect(Buffer.compare((await store.get('/large'))!.value, large)).toBe(0)
      expect(await codeOf(store.set('/larger', new Uint8Array(1_048_577)))).toBe('INVALID_ARGUMENT')
    })

    test('paths that are none are refused', async () => {
      for (const path of ['', 'a', '/a/', '//a', '/a//b', '/\0', `/${'x'.repeat(1024)}`]) expect(await codeOf(store.get(path))).toBe('INVALID_ARGUMENT')
    })

    test('calls that do not wait for each other are carried out in order', async () => {
      const calls = [store.set('/a', bytes('1')), store.set('/a', bytes('2')), store.set('/a', bytes('x'), 0), store.set('/a', bytes('3'), 1)]
      const results = await Promise.all(calls)
      expect(results).toEqual([0, 1, -1, 2])
      expect(text((await store.get('/a'))?.value)).toBe('3')
    })

    test('after close every call raises CLOSED, and closing again is fine', async () => {
      await store.close()
      const none = new Uint8Array(0)
      const calls = [store.get('/a'), store.create('/a', none), store.set('/a', none), store.delete('/a'), store.children('/'), store.entries('/')]
      for (const call of calls) expect(await codeOf(call)).toBe('CLOSED')
      await store.close()
    })
  })
}
