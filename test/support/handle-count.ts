/** Counts the file handles that stay open on a simulated disk. */
import type { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'

/** From now on; gives the paths of those that are open. */
export function openHandles(disk: SimulatedFileSystem): () => string[] {
  const held: string[] = []
  const open = disk.open.bind(disk)
  disk.open = (path, mode) => {
    const handle = open(path, mode)
    const close = handle.close.bind(handle)
    let isOpen = true
    held.push(path)
    handle.close = () => {
      if (isOpen) held.splice(held.indexOf(path), 1)
      isOpen = false
      close()
    }
    return handle
  }
  return () => [...held]
}
