import type { Assignor } from './assignor.ts'

export const roundRobin: Assignor = { name: 'roundrobin', protocol: 'eager', userData: () => null, assign: () => { throw new Error('not yet') } }
