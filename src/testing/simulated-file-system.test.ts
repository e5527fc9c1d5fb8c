import { describe, test } from 'vitest'
import { fileSystemContract } from './contracts/file-system-contract.ts'
import { FaultFileSystem } from './fault-file-system.ts'
import { SimulatedFileSystem } from './simulated-file-system.ts'

function subject(): { fs: SimulatedFileSystem; directory: string; dispose: () => void } {
  const fs = new SimulatedFileSystem()
  fs.makeDirectory('/data')
  return { fs, directory: '/data', dispose: () => {} }
}

describe('SimulatedFileSystem keeps the file system contract', () => {
  fileSystemContract({ test, make: subject })
})

describe('SimulatedFileSystem without a log keeps the file system contract', () => {
  fileSystemContract({ test, make: () => {
    const fs = new SimulatedFileSystem({ recordOperations: false })
    fs.makeDirectory('/data')
    return { fs, directory: '/data', dispose: () => {} }
  } })
})

describe('FaultFileSystem without a fault keeps the file system contract', () => {
  fileSystemContract({ test, make: () => {
    const { fs, directory, dispose } = subject()
    return { fs: new FaultFileSystem(fs), directory, dispose }
  } })
})

