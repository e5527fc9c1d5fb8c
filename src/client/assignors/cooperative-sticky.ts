import type { Assignor } from './assignor.ts'

export const cooperativeSticky: Assignor = { name: 'cooperative-sticky', protocol: 'eager', userData: () => null, assign: () => { throw new Error('not yet') } }
