import { expect, test } from 'vitest'
import { servedApis, servedList } from './served-apis.ts'

test('every handler stands at its key, and serves versions whose messages are known', () => {
  for (const served of servedList) {
    expect(servedApis[served.api.key]).toBe(served)
    expect(served.first).toBeGreaterThanOrEqual(served.api.minVersion)
    expect(served.last).toBeLessThanOrEqual(served.api.maxVersion)
  }
})
