import type { Assignor } from './assignor.ts'

export const range: Assignor = { name: 'range', protocol: 'eager', userData: () => null, assign: () => { throw new Error('not yet') } }
