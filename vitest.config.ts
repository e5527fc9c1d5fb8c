import { defineConfig } from 'vitest/config'

/** `unit`: beside the sources, in memory or small. `suite`: cross-layer tests under test/, real files and processes. */
export default defineConfig({
  test: {
    env: { LOG_VERIFY: '1' },
    // `npm run coverage`: every error branch of what stands between a record and the disk is entered by some test.
    coverage: {
      provider: 'v8', include: ['src/record/**', 'src/log/**', 'src/io/**'], exclude: ['**/*.test.ts'], reporter: ['text-summary', 'json'],
      thresholds: { 'src/record/**': { branches: 95 }, 'src/log/**': { branches: 95 }, 'src/io/**': { branches: 95 } },
    },
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts', 'test/tidy.test.ts'] } },
      { extends: true, test: { name: 'suite', include: ['test/**/*.test.ts'], exclude: ['test/tidy.test.ts'], testTimeout: 60_000 } },
    ],
  },
})
