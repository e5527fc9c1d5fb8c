import type { Assignor } from './assignor.ts'

export const sticky: Assignor = { name: 'sticky', protocol: 'eager', userData: () => null, assign: () => { throw new Error('not yet') } }
