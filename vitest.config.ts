import { defineConfig } from 'vitest/config'

/** Tests beside the sources that take seconds each: every kind of damage, every call that can fail, every moment of a crash, random courses beside a model, processes. */
const walks = [
  'src/log/log-{crash,damage,fault-enumeration,model,open-interrupted,repair,repair-interrupted,rot}.test.ts', 'src/log/{beside-owner-interleavings,offset-flips,snapshot-crash}.test.ts',
  'src/coordinator/group-model.test.ts', 'src/io/directory-lock{,-contest}.test.ts', 'src/metadata/lmdb-damage.test.ts', 'src/testing/crash-states.test.ts',
]

/** Tests that put something in the place of a module, change what the process has one of, or ask for a module that nobody has loaded yet. */
const mocking = [
  'src/broker/produce-refusal.test.ts', 'src/client/msgpack-missing.test.ts',
  'src/cli/terminal.test.ts', 'src/io/{directory-lock-faults,system-calls}.test.ts', 'src/log/{append-group,log-appender}.test.ts',
  'src/record/{compression,crc32c}.test.ts', 'src/served-database.test.ts',
]

/**
 * `unit`: beside the sources, in memory or small; files share a process and its modules, which halves their time. `mock`: those that may not. `walk`: the
 * long ones. `suite`: cross-layer tests under test/, real files and processes.
 * Their limits are there against hanging, and wide enough for a machine that is busy with something else.
 */
export default defineConfig({
  test: {
    env: { LOG_VERIFY: '1' },
    // `npm run coverage`: every error branch of what stands between a record and the disk is entered by some test.
    coverage: {
      provider: 'v8', include: ['src/record/**', 'src/log/**', 'src/io/**'], exclude: ['**/*.test.ts'], reporter: ['text-summary', 'json'],
      thresholds: { 'src/record/**': { branches: 95 }, 'src/log/**': { branches: 95 }, 'src/io/**': { branches: 95 } },
    },
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts', 'test/tidy.test.ts'], exclude: [...walks, ...mocking], isolate: false, testTimeout: 30_000 } },
      { extends: true, test: { name: 'mock', include: mocking, testTimeout: 30_000 } },
      { extends: true, test: { name: 'walk', include: walks, testTimeout: 120_000 } },
      { extends: true, test: { name: 'suite', include: ['test/**/*.test.ts'], exclude: ['test/tidy.test.ts'], testTimeout: 60_000 } },
    ],
  },
})
