/** Disks and files for tests that answer some calls in another way. */
import type { FileHandle, FileSystem } from '../../src/io/file-system.ts'

/** The disk, but for what is answered in its place. */
export function diskWith<T extends FileSystem | FileHandle>(disk: T, methods: Partial<T>): T {
  return new Proxy(disk, {
    get: (target, name) => {
      const own: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name)
      return typeof own === 'function' ? (own as () => unknown).bind(target) : own
    },
  })
}
