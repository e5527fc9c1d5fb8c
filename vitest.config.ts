import { defineConfig } from 'vitest/config'

/** `unit`: beside the sources, in memory or small. `suite`: cross-layer tests under test/, real files and processes. */
export default defineConfig({
  test: {
    env: { LOG_VERIFY: '1' },
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts', 'test/tidy.test.ts'] } },
      { extends: true, test: { name: 'suite', include: ['test/**/*.test.ts'], exclude: ['test/tidy.test.ts'], testTimeout: 60_000 } },
    ],
  },
})
