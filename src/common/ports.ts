import { systemClock, type Clock } from './clock.ts'
import { stderrLogger, type Logger } from './logger.ts'
import { systemRandom, type Random } from './random.ts'
import { systemScheduler, type Scheduler } from './scheduler.ts'

/** The non-deterministic ports that nearly every stateful class takes, in one bag. */
export interface Ports { readonly clock: Clock; readonly scheduler: Scheduler; readonly random: Random; readonly logger: Logger }

export const systemPorts: Ports = { clock: systemClock, scheduler: systemScheduler, random: systemRandom, logger: stderrLogger }
